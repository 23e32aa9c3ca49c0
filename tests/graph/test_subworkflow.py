"""A graph as a part of another one: its nodes are the outer graph's, under names of their own."""

import asyncio
from typing import ClassVar

import pytest

from vital_shared.graph import (
    Done,
    Graph,
    Outcome,
    Pause,
    PlanError,
    Run,
    Skip,
    fan_out,
    mermaid,
    node,
    repeat,
    subworkflow,
)


class Review(Graph):
    inputs = ("text", "strict")
    input_defaults: ClassVar = {"strict": False}

    @node
    async def words(self, text: str) -> tuple[str, ...]:
        return tuple(text.split())

    @fan_out("word", over="words")
    async def lengths(self, word: str) -> int:
        return len(word)

    @node
    async def result(self, lengths: tuple[Outcome[int], ...], strict: bool) -> int:
        return sum(outcome.value or 0 for outcome in lengths) * (10 if strict else 1)


class Report(Graph):
    inputs = ("query",)

    @node
    async def draft(self, query: str) -> str:
        return f"{query} twice"

    review = subworkflow(Review, text="draft")

    @node
    async def answer(self, draft: str, review: int) -> str:
        return f"{draft}: {review}"


async def test_its_nodes_are_nodes_of_the_outer_graph_and_its_value_has_the_attributes_name():
    run = await Report().run(query="say it")
    assert run.value("answer") == "say it twice: 10"
    assert [span.node for span in run.spans()] == [
        "draft",
        "review.words",
        "review.lengths",
        "review.result",
        "answer",
    ]


async def test_an_input_of_the_same_name_need_not_be_passed():
    class Outer(Graph):
        inputs = ("text", "strict")
        review = subworkflow(Review)

    run = await Outer().run(text="ab c", strict=True)
    assert run.value("review") == 30


async def test_the_outer_values_of_other_names_stay_apart():
    class Outer(Graph):
        inputs = ("text",)

        @node
        async def words(self) -> int:
            return 7

        first = subworkflow(Review)
        second = subworkflow(Review, text="upper")

        @node
        async def upper(self, text: str) -> str:
            return text * 2

        @node
        async def answer(self, first: int, second: int, words: int) -> str:
            return f"{first} {second} {words}"

    assert (await Outer().run(text="abc")).value("answer") == "3 6 7"


async def test_a_node_of_a_part_starts_as_soon_as_it_has_what_it_needs():
    """A part is no barrier: its nodes that do not need a slow value do not wait for it."""
    order: list[str] = []

    class Inner(Graph):
        inputs = ("slow", "fast")

        @node
        async def early(self, fast: str) -> str:
            order.append("early")
            return fast

        @node
        async def result(self, early: str, slow: str) -> str:
            return early + slow

    class Outer(Graph):
        inputs = ("gate",)

        @node
        async def slow(self, gate: asyncio.Event) -> str:
            await gate.wait()
            order.append("slow")
            return "s"

        @node
        async def fast(self) -> str:
            return "f"

        @node
        async def opened(self, gate: asyncio.Event, inner_early: str) -> None:
            gate.set()

        inner = subworkflow(Inner)

        @node
        async def inner_early(self, fast: str) -> str:
            await asyncio.sleep(0)
            return fast

    assert (await Outer().run(gate=asyncio.Event())).value("inner") == "fs"
    assert order == ["early", "slow"]


async def test_a_part_of_a_part_streams_pauses_and_is_restored():
    class Deep(Graph):
        inputs = ("text",)

        @node(pauses=True)
        async def verdict(self, text: str) -> str:
            raise Pause(text)

        @node
        async def result(self, verdict: str) -> str:
            return verdict.upper()

    class Middle(Graph):
        inputs = ("text",)
        deep = subworkflow(Deep)

        @node
        async def answer(self, deep: str):
            yield "chunk"
            yield Done(deep)

    class Outer(Graph):
        inputs = ("text",)
        middle = subworkflow(Middle)

    chunks = []

    async def deliver(node, chunk, item):
        chunks.append((node.name, chunk))

    Middle.answer.__annotations__["return"] = "AsyncIterator[str | Done[str]]"
    outer = Outer()
    run = Run(Outer.plan, outer, {"text": "a"})
    await run.execute()
    assert run.paused == {"middle.deep.verdict": "a"}
    again = Run(
        Outer.plan,
        outer,
        {"text": "a"},
        checkpoint=run.checkpoint(),
        answers={"middle.deep.verdict": "good"},
        deliver=deliver,
    )
    await again.execute()
    assert again.value("middle") == "GOOD"
    assert chunks == [("middle.answer", "chunk")]


async def test_optional_and_conditional_nodes_of_a_part_are_as_they_were_declared():
    class Inner(Graph):
        inputs = ("on",)

        @node(when=lambda on: on, otherwise="off")
        async def light(self, on: bool) -> str:
            return "on"

        @node(optional=True)
        async def extra(self) -> str:
            raise Skip

        @node(optional=True)
        async def broken(self) -> str:
            raise ValueError("no")

        @node
        async def result(self, light: str, extra: str = "none", broken: str = "default") -> str:
            return f"{light} {extra} {broken}"

    class Outer(Graph):
        inputs = ("on",)
        inner = subworkflow(Inner)

    run = await Outer().run(on=False)
    assert run.value("inner") == "off none default"
    assert [(each.node, each.reason) for each in run.degradations] == [("inner.broken", "broken_failed")]
    assert "inner.light" not in [span.node for span in run.spans()]


async def test_the_nodes_of_a_part_are_methods_of_one_object_for_each_outer_object():
    class Counting(Graph):
        def __init__(self) -> None:
            self.calls = 0

        @node
        async def result(self) -> int:
            self.calls += 1
            return self.calls

    class Outer(Graph):
        first = subworkflow(Counting)
        second = subworkflow(Counting)

    outer = Outer()
    await outer.run()
    run = await outer.run()
    assert (run.value("first"), run.value("second"), (await Outer().run()).value("first")) == (2, 2, 1)


async def test_a_part_is_dropped_or_replaced_by_a_subclass():
    class Other(Graph):
        inputs = ("text",)

        @node
        async def answer(self, text: str) -> int:
            return -len(text)

    class Replaced(Report):
        review = subworkflow(Other, text="draft")

    class Dropped(Report):
        review = None

        @node
        async def answer(self, draft: str) -> str:
            return draft

    class Node(Report):
        @node
        async def review(self) -> int:
            return 1

    found = [(await each().run(query="a")).value("answer") for each in (Replaced, Dropped, Node)]
    assert found == ["a twice: -7", "a twice", "a twice: 1"]


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (
            lambda: subworkflow(Review, txt="query"),
            r"is given 'txt', which is not one of its inputs: did you mean 'text'",
        ),
        (
            lambda: subworkflow(Review),
            r"needs 'text', which no node or input makes.* name another value for it",
        ),
        (lambda: subworkflow(Review, text="nothing"), r"needs 'nothing', which no node or input makes"),
        (lambda: subworkflow(int), "<class 'int'> is not a workflow class"),
        (lambda: subworkflow(Graph), "is not a workflow class"),
        (lambda: repeat(Review, carry="txt", until=bool, limit=2, text="query"), "is given 'txt'"),
        (
            lambda: repeat(Review, carry="text", until=bool, limit=0, text="query"),
            "has limit=0: write a number",
        ),
        (
            lambda: repeat(Review, carry="text", until=3, limit=2, text="query"),
            "has until=3: write a function",
        ),
        (lambda: repeat(Review, carry="text", until=bool, limit=True, text="query"), "has limit=True: write"),
        (lambda: repeat(42, carry="text", until=3, limit=2, text="query"), "42 is not a workflow class"),
    ],
)
def test_a_wrong_part_is_an_error_at_the_definition(part, sentence):
    with pytest.raises(PlanError, match=sentence):
        type("Outer", (Graph,), {"inputs": ("query",), "part": part()})


def test_a_part_without_a_value_is_an_error_at_the_definition():
    class Valueless(Graph):
        @node
        async def other(self) -> int:
            return 1

    with pytest.raises(PlanError, match=r"'Outer.part' .* has no value: name the node that makes it result"):

        class Outer(Graph):
            part = subworkflow(Valueless)


def test_the_type_of_a_parts_value_is_checked():
    with pytest.raises(PlanError, match=r"reads 'review' as str, and node .* makes int"):

        class Wrong(Report):
            @node
            async def answer(self, review: str) -> str:
                return review


def test_mermaid_draws_a_box_around_a_part():
    drawn = mermaid(Report.plan)
    lines = [line.strip() for line in drawn.splitlines()]
    assert 'subgraph review_part["review"]' in lines
    assert "draft --> review__words" in lines
    assert "review__result --> answer" in lines
    box = lines[lines.index('subgraph review_part["review"]') : lines.index("end")]
    assert [line for line in box if "review__" in line] == [
        "review__words[review.words]",
        "review__lengths[[review.lengths]]",
        "review__result[review.result]",
    ]
