"""What goes wrong in other workflow engines, and does not here.

A barrier between steps (LangGraph, agent-framework); siblings that run on after a failure (Hamilton, Burr,
agno); two parallel writers, of which one is lost (LlamaIndex, pydantic-graph, agent-framework, agno); no
cancellation when the caller goes (LlamaIndex); a copy of the state per event, and so quadratic cost
(LlamaIndex, Haystack).
"""

import asyncio
import copy
import sys

import pytest

from vital_shared.graph import Graph, PlanError, Run, node


class Skewed(Graph):
    """10 → 100 ms beside 100 → 10 ms: with a barrier 200 ms, without 110."""

    @node
    async def short(self):
        await asyncio.sleep(0.010)

    @node
    async def after_short(self, short):
        await asyncio.sleep(0.100)

    @node
    async def long(self):
        await asyncio.sleep(0.100)

    @node
    async def after_long(self, long):
        await asyncio.sleep(0.010)

    @node
    async def last(self, after_short, after_long):
        return "done"


async def test_no_barrier_holds_a_fast_branch_up(prepare):
    run = prepare(Skewed)
    await run.execute()
    assert run.seconds == pytest.approx(0.110)


async def test_siblings_do_not_run_on_after_a_failure(prepare):
    class G(Graph):
        def __init__(self):
            self.side_effects = []

        @node
        async def fails(self):
            await asyncio.sleep(1)
            raise ValueError

        @node
        async def sibling(self):
            await asyncio.sleep(2)
            self.side_effects.append("paid for a model call")

        @node
        async def after_sibling(self, sibling):
            self.side_effects.append("and another")

    target = G()
    with pytest.raises(ValueError):
        await prepare(target).execute()
    await asyncio.sleep(10)
    assert target.side_effects == []


def test_two_writers_of_one_value_cannot_be_written_down():
    with pytest.raises(PlanError, match="a value has one maker"):

        class G(Graph):
            @node(makes="documents")
            async def from_memory(self):
                return []

            @node(makes="documents")
            async def from_web(self):
                return []


async def test_when_the_caller_goes_the_nodes_go(prepare):
    class G(Graph):
        def __init__(self):
            self.ended = []

        @node
        async def a(self):
            try:
                await asyncio.sleep(100)
            finally:
                self.ended.append("a")

        @node
        async def b(self):
            try:
                await asyncio.sleep(100)
            finally:
                self.ended.append("b")

    target = G()
    caller = asyncio.create_task(prepare(target).execute())
    await asyncio.sleep(1)
    caller.cancel()
    await asyncio.wait([caller])
    assert sorted(target.ended) == ["a", "b"]


async def test_objects_are_passed_on_and_never_copied_by_themselves_or_in_a_collection(prepare):
    class Uncopied:
        def __copy__(self):
            raise AssertionError("copied")

        __deepcopy__ = __reduce_ex__ = __copy__

    class G(Graph):
        inputs = ("x",)

        @node
        async def a(self, x):
            return [x]

        @node
        async def b(self, a):
            return a

        @node
        async def c(self, a, b, x):
            return a[0] is b[0] is x

    value = Uncopied()
    with pytest.raises(AssertionError, match="copied"):
        copy.copy(value)
    run = prepare(G, x=value)
    await run.execute()
    assert run.value("c") is True


def chain(length):
    methods = {}
    for number in range(1, length + 1):
        scope = {}
        exec(f"async def n{number}(self, n{number - 1}): return n{number - 1}", scope)
        methods[f"n{number}"] = node(scope[f"n{number}"])
    return type("Chain", (Graph,), {"inputs": ("n0",), **methods})


async def events_of(graph):
    """Count all calls of a run, those of C functions too: what a copy of the state would be made of."""
    counts = []
    for _ in range(2):
        count = 0

        def profile(frame, event, argument):
            nonlocal count
            count += event in ("call", "c_call")

        run = Run(graph.plan, graph(), {"n0": 0})
        sys.setprofile(profile)
        try:
            await run.execute()
        finally:
            sys.setprofile(None)
        counts.append(count)
    return counts[-1]


async def test_the_cost_of_a_chain_grows_with_its_length_and_no_faster():
    short, long = await events_of(chain(50)), await events_of(chain(500))
    assert long <= 10 * short
