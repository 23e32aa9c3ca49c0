"""A node that the inputs turn off is left out of the run, and those after it run as if it had run."""

from __future__ import annotations

import pytest

from vital_shared.graph import Graph, Observer, Outcome, Pause, PlanError, Run, fan_out, node

NONE = ()


class Started(Observer):
    def __init__(self) -> None:
        self.names: list[str] = []

    def node_started(self, _run, started) -> None:
        self.names.append(started.name)


class Searching(Graph):
    inputs = ("query", "searches")

    @node
    async def words(self, query: str) -> tuple[str, ...]:
        return tuple(query.split())

    @node(when=lambda searches: searches, otherwise=NONE)
    async def sources(self, searches: bool) -> tuple[str, ...]:
        return ("one", "two")

    @fan_out("source", over="sources")
    async def found(self, source: str, query: str) -> str:
        return f"{query} in {source}"

    @node(optional=True, when=lambda found: found)
    async def merged(self, found: tuple[Outcome[str], ...]) -> str:
        return ", ".join(each.value or "" for each in found)

    @node
    async def answer(self, words: tuple[str, ...], sources: tuple[str, ...], merged: str = "nothing") -> str:
        return f"{len(words)} {len(sources)} {merged}"


async def ran(graph: type[Graph], **inputs) -> tuple[Run, list[str]]:
    started = Started()
    run = Run(graph.plan, graph(), inputs, observers=(started,))
    await run.execute()
    return run, started.names


async def test_what_is_off_is_not_run_and_has_its_declared_value():
    run, started = await ran(Searching, query="a b", searches=False)
    assert started == ["words", "answer"]
    assert run.value("answer") == "2 0 nothing"
    assert run.value("sources") == run.value("found") == ()
    assert [span.node for span in run.spans()] == ["words", "answer"]


async def test_what_is_on_runs_as_it_is():
    run, started = await ran(Searching, query="a b", searches=True)
    assert set(started) == {"words", "sources", "found", "merged", "answer"}
    assert run.value("answer") == "2 2 a b in one, a b in two"


async def test_one_after_another_it_is_the_same():
    run = Run(Searching.plan, Searching(), {"query": "a", "searches": False}, sequential=True)
    await run.execute()
    assert run.value("answer") == "1 0 nothing"


async def test_a_plan_is_made_once_for_each_combination():
    plans = {(await ran(Searching, query="a", searches=False))[0].plan for _ in range(3)}
    assert len(plans) == 1 == len(Searching.plan.pruned)


async def test_a_replaced_node_decides_by_itself():
    class Own(Searching):
        async def sources(self, searches: bool) -> tuple[str, ...]:
            return ("mine",)

    run, _ = await ran(Own, query="a", searches=False)
    assert run.value("answer") == "1 1 a in mine"


class Waiting(Searching):
    @node(pauses=True)
    async def allowed(self, words: tuple[str, ...]) -> bool:
        raise Pause("May I?")

    @node
    async def last(self, answer: str, allowed: bool) -> str:
        return f"{answer} {allowed}"


@pytest.mark.parametrize("searches", [True, False])
async def test_a_resumed_run_leaves_out_the_same(searches):
    run, _ = await ran(Waiting, query="a", searches=searches)
    started = Started()
    resumed = Run(
        Waiting.plan,
        Waiting(),
        {"query": "a", "searches": searches},
        observers=(started,),
        checkpoint=run.checkpoint(),
        answers={"allowed": True},
    )
    await resumed.execute()
    assert started.names == ["last"]
    assert resumed.value("last") == ("1 2 a in one, a in two True" if searches else "1 0 nothing True")


def test_a_condition_reads_only_what_the_node_reads():
    with pytest.raises(PlanError, match="a when that reads 'other'"):

        class Wrong(Graph):
            inputs = ("x", "other")

            @node(when=lambda other: other, otherwise=0)
            async def a(self, x: int) -> int:
                return x


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"when": lambda x: x}, "may be off: declare its value then"),
        ({"when": lambda x: x, "optional": True, "otherwise": 0}, "may be off: declare its value then"),
        ({"otherwise": 0}, "declares otherwise, and not when"),
    ],
)
def test_a_node_that_may_be_off_declares_its_value_then(declared, message):
    with pytest.raises(PlanError, match=message):

        class Wrong(Graph):
            inputs = ("x",)

            @node(**declared)
            async def a(self, x: int) -> int:
                return x
