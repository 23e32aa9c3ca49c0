"""A loop: a graph, again and again, until its value is good enough or its limit is reached."""

import asyncio
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vital_shared.graph import (
    Done,
    Graph,
    NodeError,
    Observer,
    Pause,
    PlanError,
    Run,
    mermaid,
    node,
    repeat,
    subworkflow,
)


class Lengthen(Graph):
    inputs = ("text", "step")

    @node
    async def longer(self, text: str, step: int) -> str:
        return text + "x" * step

    @node
    async def result(self, longer: str) -> str:
        return longer


class Report(Graph):
    inputs = ("draft", "step")

    final = repeat(Lengthen, carry="text", until=lambda text: len(text) >= 6, limit=4, text="draft")

    @node
    async def answer(self, final: str) -> int:
        return len(final)


@pytest.mark.parametrize(("step", "length", "rounds"), [(5, 6, 1), (2, 7, 3), (1, 5, 4)])
async def test_it_ends_when_its_value_is_good_enough_or_at_its_limit(step, length, rounds):
    run = await Report().run(draft="a", step=step)
    assert run.value("answer") == length
    names = [span.node for span in run.spans()]
    lines = [f"final.{number}.{name}" for number in range(1, rounds + 1) for name in ("longer", "result")]
    assert sorted(names) == sorted(["final", *lines, "answer"])
    assert {span.status for span in run.spans()} == {"success"}


async def test_each_round_is_reported_and_what_it_yields_is_the_loops():
    class Streaming(Graph):
        inputs = ("number",)

        @node
        async def result(self, number: int):
            yield f"piece {number}"
            yield Done(number + 1)

    class Outer(Graph):
        inputs = ("start",)
        end = repeat(Streaming, carry="number", until=lambda n: n == 3, limit=9, number="start")

    steps, chunks = [], []

    class Watching(Observer):
        def step_started(self, run, node, name):
            steps.append(name)

    async def deliver(node, chunk, item):
        chunks.append((node.name, chunk))

    run = Run(Outer.plan, Outer(), {"start": 1}, observers=(Watching(),), deliver=deliver)
    await run.execute()
    assert steps == ["end.1.result", "end.2.result"]
    assert chunks == [("end", "piece 1"), ("end", "piece 2")]


async def test_a_failure_in_a_round_fails_the_run_as_the_loops():
    class Failing(Graph):
        inputs = ("number",)

        @node
        async def result(self, number: int) -> int:
            if number == 2:
                raise ValueError("two")
            return number + 1

    class Outer(Graph):
        inputs = ("start",)
        end = repeat(Failing, carry="number", until=lambda n: n == 9, limit=9, number="start")

    run = Run(Outer.plan, Outer(), {"start": 1})
    with pytest.raises(ValueError, match="two"):
        await run.execute()
    assert run.failed_node.name == "end"
    assert run.failed_line == "end.2.result"
    assert [(span.node, span.status) for span in run.spans()] == [
        ("end", "failed"),
        ("end.1.result", "success"),
        ("end.2.result", "failed"),
    ]


class Patience:
    """An object that is called like a function."""

    def __call__(self, value: object) -> bool:
        return bool(value)


class Ambiguous:
    """A value that is neither true nor false, as arrays are."""

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


@pytest.mark.parametrize(
    ("until", "error"),
    [(lambda text: text.upper().nothing, AttributeError), (lambda _: Ambiguous(), ValueError)],
)
async def test_an_error_in_until_names_until(until, error):
    class Outer(Graph):
        inputs = ("draft", "step")
        final = repeat(Lengthen, carry="text", until=until, limit=4, text="draft")

    run = Run(Outer.plan, Outer(), {"draft": "a", "step": 1})
    with pytest.raises(
        NodeError, match=rf"^the 'until' of the loop 'final' failed with {error.__name__} on"
    ) as raised:
        await run.execute()
    assert isinstance(raised.value.__cause__, error)
    assert run.failed_node.name == "final"
    place = f"test_loop.py:{until.__code__.co_firstlineno}"
    assert raised.value.__notes__ == [f"in node 'final' of Outer ({place})"]


@pytest.mark.parametrize("until", [bool, Patience()])
async def test_a_loop_that_fails_is_placed_in_its_authors_code(until):
    class Failing(Lengthen):
        async def result(self, longer: str) -> str:
            raise ValueError("no")

    class Outer(Graph):
        inputs = ("draft", "step")
        final = repeat(Failing, carry="text", until=until, limit=4, text="draft")

    with pytest.raises(ValueError, match="no") as raised:
        await Outer().run(draft="a", step=1)
    assert raised.value.__notes__
    assert all("(test_loop.py:" in note for note in raised.value.__notes__), raised.value.__notes__


def fingerprints(limit: int, carry: str = "text", inner_limit: int = 2) -> tuple[str, str]:
    class Joined(Graph):
        inputs = ("text", "more")

        @node
        async def result(self, text: str, more: str) -> str:
            return text + more

    class Both(Graph):
        inputs = ("text", "more")
        joined = repeat(Joined, carry=carry, until=bool, limit=inner_limit)

        @node
        async def result(self, joined: str) -> str:
            return joined

    class Outer(Graph):
        inputs = ("text", "more")
        final = repeat(Both, carry="text", until=bool, limit=limit)

    return Outer.plan.fingerprint, Outer.plan.earlier_fingerprint


@pytest.mark.parametrize("changed", [{"limit": 4}, {"carry": "more"}, {"inner_limit": 3}])
def test_a_plan_whose_loops_do_something_else_has_another_fingerprint(changed):
    before = fingerprints(limit=3)
    assert before == fingerprints(limit=3)
    assert not set(before) & set(fingerprints(**({"limit": 3} | changed)))


def test_a_plan_without_loops_has_the_fingerprint_that_it_always_had():
    assert (Lengthen.plan.fingerprint, Lengthen.plan.earlier_fingerprint) == (
        "4a115f613daa52f0",
        "4a115f613daa52f0",
    )


async def test_cancelling_the_run_cancels_the_round():
    started, ended = asyncio.Event(), []

    class Waiting(Graph):
        inputs = ("number",)

        @node
        async def result(self, number: int) -> int:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(number)
            return number

    class Outer(Graph):
        inputs = ("start",)
        end = repeat(Waiting, carry="number", until=bool, limit=2, number="start")

    task = asyncio.create_task(Outer().run(start=1))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [1]


def test_a_pause_within_a_loop_is_an_error_at_the_definition():
    class Asking(Graph):
        inputs = ("text",)

        @node(pauses=True)
        async def result(self, text: str) -> str:
            raise Pause(text)

    with pytest.raises(PlanError, match="is a loop, and its node 'result' pauses: a loop cannot wait"):

        class Outer(Graph):
            inputs = ("text",)
            end = repeat(Asking, carry="text", until=bool, limit=2)


def test_a_value_that_is_carried_as_another_type_is_an_error_at_the_definition():
    class Typed(Graph):
        inputs = ("text",)
        input_types: ClassVar = {"text": str}

        @node
        async def result(self, text: str) -> int:
            return 1

    with pytest.raises(PlanError, match="makes int, and carries it into 'text', which is str"):

        class Outer(Graph):
            inputs = ("text",)
            end = repeat(Typed, carry="text", until=bool, limit=2)


class Patient:
    async def __call__(self, value: object) -> bool:
        return bool(value)


async def is_enough(value: object) -> bool:
    return bool(value)


@pytest.mark.parametrize("until", [is_enough, Patient()])
def test_an_async_until_is_an_error_at_the_definition(until):
    with pytest.raises(PlanError, match="a loop over 'Lengthen' has an async 'until'"):

        class Outer(Graph):
            inputs = ("draft",)
            end = repeat(Lengthen, carry="text", until=until, limit=2, text="draft")


async def test_an_until_that_returns_a_coroutine_fails_the_loop():
    def until(value: object) -> object:
        return is_enough(value)

    class Outer(Graph):
        inputs = ("draft", "step")
        end = repeat(Lengthen, carry="text", until=until, limit=2, text="draft")

    with pytest.raises(NodeError, match="the 'until' of the loop 'end' failed with TypeError"):
        await Run(Outer.plan, Outer(), {"draft": "a", "step": 1}).execute()


def test_effects_of_a_round_are_effects_of_the_loop():
    class Sending(Graph):
        inputs = ("text",)

        @node(effects=True)
        async def result(self, text: str) -> str:
            return text

    class Outer(Graph):
        inputs = ("text",)
        end = repeat(Sending, carry="text", until=bool, limit=2)

    assert Outer.plan.node("end").declaration.effects


def test_mermaid_draws_a_loop_with_the_way_to_the_next_round():
    lines = [line.strip() for line in mermaid(Report.plan).splitlines()]
    assert 'subgraph final["final: Lengthen, at most 4 rounds"]' in lines
    assert "final__longer --> final__result" in lines
    assert "final__result -->|next round| final__longer" in lines
    assert "final --> answer" in lines


# Properties: a part and a loop are the same as the graph that has their nodes written out.


@st.composite
def graphs(draw):
    """Draw a graph of up to six nodes as (name, what it reads), each reading earlier ones."""
    count = draw(st.integers(1, 6))
    names = [f"n{i}" for i in range(count - 1)] + ["result"]
    return [
        (name, tuple(draw(st.lists(st.sampled_from(["x", *names[:i]]), min_size=1, max_size=3, unique=True))))
        for i, name in enumerate(names)
    ]


def graph_of(shape, calls):
    def method(name, reads):
        source = (
            f"async def {name}(self, {', '.join(reads)}):\n    return record({name!r}, ({', '.join(reads)},))"
        )
        namespace = {"record": lambda name, values: (calls.append(name), hash((name, values)))[1]}
        exec(source, namespace)
        return node(namespace[name])

    return type("Drawn", (Graph,), {"inputs": ("x",), **{name: method(name, reads) for name, reads in shape}})


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(0, 9), st.booleans(), st.booleans())
async def test_a_part_gives_what_its_graph_gives_and_runs_each_node_once(shape, x, sequential, nested):
    calls: list[str] = []
    inner = graph_of(shape, calls)
    expected = (await inner().run(x=x)).value("result")
    once, calls[:] = sorted(calls), []
    outer = type("Outer", (Graph,), {"inputs": ("y",), "result": subworkflow(inner, x="y")})
    if nested:
        outer = type("Outermost", (Graph,), {"inputs": ("z",), "part": subworkflow(outer, y="z")})
    run = Run(outer.plan, outer(), {outer.inputs[0]: x}, sequential=sequential)
    await run.execute()
    assert run.value("part" if nested else "result") == expected
    assert sorted(calls) == once


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(0, 9), st.integers(1, 4), st.booleans())
async def test_a_loop_gives_what_its_graph_gives_again_and_again(shape, x, limit, sequential):
    calls: list[str] = []
    inner = graph_of(shape, calls)
    expected = x
    for _ in range(limit):
        expected = (await inner().run(x=expected)).value("result")
        if expected % 2:
            break
    written_out, calls[:] = sorted(calls), []
    part = repeat(inner, carry="x", until=lambda value: value % 2, limit=limit, x="y")
    outer = type("Outer", (Graph,), {"inputs": ("y",), "end": part})
    run = Run(outer.plan, outer(), {"y": x}, sequential=sequential)
    await run.execute()
    assert run.value("end") == expected
    assert sorted(calls) == written_out


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(0, 20), st.booleans(), st.booleans())
async def test_whenever_a_run_is_cancelled_no_node_of_a_part_or_a_round_goes_on(
    shape, steps, loops, sequential
):
    under_way: list[str] = []

    def method(name, reads):
        async def call(values):
            under_way.append(name)
            try:
                for _ in range(3):
                    await asyncio.sleep(0)
            finally:
                under_way.remove(name)
            return hash((name, values))

        source = f"async def {name}(self, {', '.join(reads)}):\n    return await call(({', '.join(reads)},))"
        namespace = {"call": call}
        exec(source, namespace)
        return node(namespace[name])

    inner = type(
        "Inner", (Graph,), {"inputs": ("x",), **{name: method(name, reads) for name, reads in shape}}
    )
    part = repeat(inner, carry="x", until=lambda _: False, limit=3) if loops else subworkflow(inner)
    outer = type("Outer", (Graph,), {"inputs": ("x",), "part": part})
    run = Run(outer.plan, outer(), {"x": 1}, sequential=sequential)
    task = asyncio.create_task(run.execute())
    for _ in range(steps):
        await asyncio.sleep(0)
    was_done = task.done()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() or was_done
    assert under_way == []
    assert all(span.status in ("success", "cancelled") for span in run.spans())


def test_a_loop_names_the_nodes_of_its_rounds_and_those_of_loops_within():
    class Inner(Graph):
        inputs = ("x",)

        @node
        async def draft(self, x: int) -> int:
            return x

        @node
        async def result(self, draft: int) -> int:
            return draft

    class Middle(Graph):
        inputs = ("x",)
        result = repeat(Inner, carry="x", until=lambda _: False, limit=2)

    class Outer(Graph):
        inputs = ("x",)
        final = repeat(Middle, carry="x", until=lambda _: False, limit=2)

    (loop,) = Outer.plan.nodes
    inner = ["final.result.draft", "final.result.result"]
    assert sorted(loop.round_names()) == ["final.result", *inner]
    assert all(map(loop.covers, ("final", *inner)))
    assert not loop.covers("finally")
    assert not Inner.plan.nodes[0].covers("draft.result")


async def test_a_failure_in_a_loop_within_a_loop_has_the_line_of_its_node():
    class Inner(Graph):
        inputs = ("number",)

        @node
        async def step(self, number: int) -> int:
            return number // (4 - number)

        @node
        async def result(self, number: int, step: int) -> int:
            return number + 1

    class Outer(Graph):
        inputs = ("number",)
        part = repeat(Inner, carry="number", until=lambda n: n % 2 == 0, limit=9)

        @node
        async def result(self, part: int) -> int:
            return part

    class Outermost(Graph):
        inputs = ("start",)
        end = repeat(Outer, carry="number", until=lambda n: n == 9, limit=9, number="start")

    run = Run(Outermost.plan, Outermost(), {"start": 1})
    with pytest.raises(ZeroDivisionError):
        await run.execute()
    assert run.failed_line == "end.3.part.1.step"
