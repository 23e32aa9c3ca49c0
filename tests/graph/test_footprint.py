"""What a run costs: no work for the garbage collector, and few calls."""

import asyncio
import gc
import sys

import pytest
import uvloop
from tests.variants import sampled

from vital_shared.graph import Done, Graph, Observer, Retry, Run, Skip, fan_out, node

RUNS = 1000


class Diamond(Graph):
    inputs = ("x",)

    @node
    async def a(self, x):
        return x

    @node
    async def b(self, a):
        await asyncio.sleep(0)
        return a

    @node
    async def c(self, a):
        return a

    @node
    async def d(self, b, c):
        return (b, c)


class Timeouts(Diamond):
    @node(timeout=5)
    async def a(self, x):
        return x

    @node(timeout=5)
    async def b(self, a):
        await asyncio.sleep(0)
        return a

    @node(timeout=5)
    async def c(self, a):
        return a

    @node(timeout=5)
    async def d(self, b, c):
        return (b, c)


class FanOut(Graph):
    inputs = ("x",)

    @fan_out("item", over="x", limit=2, item_timeout=5, deadline=10)
    async def a(self, item):
        await asyncio.sleep(0)
        return item

    @fan_out("item", over="x")
    async def b(self, item):
        return item


class Streaming(Graph):
    inputs = ("x",)

    @node
    async def a(self, x):
        for item in x:
            await asyncio.sleep(0)
            yield item
        yield Done(x)

    @node
    async def b(self, a):
        return a


class Degraded(Graph):
    """All that may go wrong in a run that succeeds."""

    inputs = ("x",)

    async def _other(self, x):
        return x

    @node(optional=True)
    async def fails(self, x):
        raise ValueError

    @node(optional=True)
    async def skips(self, x):
        raise Skip

    @node(optional=True, timeout=0.0001)
    async def late(self, x):
        await asyncio.sleep(1)

    @node(fallback=_other)
    async def falls_back(self, x):
        raise ValueError

    @node(optional=True, retry=Retry(on=(ValueError,), attempts=2, backoff_seconds=0))
    async def tries_again(self, x):
        raise ValueError

    @fan_out("item", over="x", item_timeout=0.0001)
    async def items(self, item):
        if item == 1:
            raise ValueError
        await asyncio.sleep(1)

    @fan_out("item", over="x", deadline=0.0001)
    async def deadline(self, item):
        await asyncio.sleep(1)

    @node
    async def last(self, falls_back, items, fails=None, skips=None, late=None, tries_again=None):
        return "last"


class Threads(Graph):
    inputs = ("x",)

    @node
    def a(self, x):
        return x

    @node(optional=True)
    def b(self, x):
        raise ValueError


async def deliver(of, chunk, item):
    pass


async def run_often(graph, times, sequential=False):
    target = graph()
    for _ in range(times):
        run = Run(
            graph.plan,
            target,
            {"x": (1, 2, 3)},
            observers=(Observer(), Observer()),
            deliver=deliver,
            sequential=sequential,
        )
        await run.execute()


@pytest.mark.parametrize("loop", sampled([uvloop.new_event_loop, asyncio.new_event_loop], 2))
@pytest.mark.parametrize("sequential", sampled([False, True], 2))
@pytest.mark.parametrize(
    ("graph", "runs"),
    [(Diamond, RUNS), (Timeouts, RUNS), (FanOut, RUNS), (Streaming, RUNS), (Degraded, 100), (Threads, 100)],
)
def test_runs_leave_nothing_to_the_garbage_collector(loop, graph, runs, sequential):
    async def measure():
        await run_often(graph, 20, sequential)
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            await run_often(graph, runs, sequential)
            gc.collect()
            return [each for each in gc.garbage if is_of_a_run(each)]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(measure()) == []


def is_of_a_run(thing: object) -> bool:
    """Return whether a run made it; threads that other tests have left make garbage of their own."""
    code = (
        getattr(thing, "f_code", None) or getattr(thing, "cr_code", None) or getattr(thing, "ag_code", None)
    )
    if code is not None:
        return "vital_shared/graph" in code.co_filename or code.co_filename == __file__
    return type(thing).__module__.startswith("vital_shared.graph") or type(thing).__module__ == __name__


def test_a_cycle_of_a_run_is_noticed():
    class Cyclic(Graph):
        inputs = ("x",)

        @node
        async def a(self, x):
            self.myself = self
            return x

    test_runs = test_runs_leave_nothing_to_the_garbage_collector
    with pytest.raises(AssertionError):
        test_runs(asyncio.new_event_loop, Cyclic, 10, False)


async def calls_of(graph, **inputs):
    """Count the calls of Python functions in a run, the second, when all is warm."""
    target = graph()
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event == "call"

    for _ in range(2):
        run = Run(graph.plan, target, inputs, observers=(Observer(),))
        count = 0
        sys.setprofile(profile)
        try:
            await run.execute()
        finally:
            sys.setprofile(None)
    return count


def wide(count, **declared):
    """One node, then many beside each other, then one that needs them all."""

    async def first(self):
        return 0

    def branch(number):
        async def method(self, first):
            return number

        method.__name__ = f"n{number}"
        return method

    scope = {}
    exec(f"async def last(self, {', '.join(f'n{i}' for i in range(count))}): return n0", scope)
    methods = [first, *(branch(number) for number in range(count)), scope["last"]]
    return type("Wide", (Graph,), {method.__name__: node(**declared)(method) for method in methods})


@pytest.mark.parametrize(
    ("graph", "most"),
    [(Diamond, 30), (Timeouts, 60), (wide(50), 30), (wide(50, timeout=5), 60)],
    ids=["diamond", "diamond with timeouts", "1-50-1", "1-50-1 with timeouts"],
)
async def test_a_node_costs_few_calls(graph, most):
    inputs = {"x": 1} if "x" in graph.plan.inputs else {}
    calls = await calls_of(graph, **inputs)
    per_node = calls / len(graph.plan.nodes)
    assert per_node <= most <= 100
