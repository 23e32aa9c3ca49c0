"""Running: as early as can be, nothing twice, and nothing left behind, whatever fails."""

import asyncio
import contextvars
import sys

import pytest

from vital_shared.graph import (
    Degradation,
    Graph,
    GraphError,
    NodeError,
    NodeTimeout,
    Run,
    Skip,
    Span,
    node,
)


async def test_a_node_starts_the_moment_its_last_value_is_there(prepare):
    class G(Graph):
        @node
        async def slow(self):
            await asyncio.sleep(5)

        @node
        async def fast(self):
            await asyncio.sleep(1)

        @node
        async def after_fast(self, fast):
            await asyncio.sleep(3)

        @node
        async def last(self, slow, after_fast):
            await asyncio.sleep(2)

    run = prepare(G)
    await run.execute()
    assert run.spans() == (
        Span("slow", "success", 0, 5),
        Span("fast", "success", 0, 1),
        Span("after_fast", "success", 1, 4),
        Span("last", "success", 5, 7),
    )
    assert run.seconds == 7


async def test_values_are_found_by_name(prepare):
    class G(Graph):
        inputs = ("x",)

        @node
        async def a(self, x):
            return None

    run = prepare(G, x=3)
    assert run.value("a", "none yet") == "none yet"
    await run.execute()
    assert (run.value("a", "default"), run.value("x"), run.value("other", 7)) == (None, 3, 7)


async def test_a_missing_input_is_named(prepare):
    class G(Graph):
        inputs = ("x",)

        @node
        async def a(self, x):
            return x

    with pytest.raises(GraphError, match="graph 'G' needs the input 'x': pass it"):
        prepare(G, y=1)


async def test_a_graph_without_nodes_has_run(prepare, log):
    class G(Graph):
        pass

    await prepare(G).execute()
    assert log.lines == [("run",), ("run", "success")]


async def test_a_run_is_executed_once(prepare):
    class G(Graph):
        @node
        async def a(self):
            return 1

    run = prepare(G)
    await run.execute()
    with pytest.raises(GraphError, match="this run of graph 'G' was executed before: make a new Run"):
        await run.execute()


class Failing(Graph):
    """One node fails at 1 s, beside a sibling that cleans up for 2 s."""

    def __init__(self):
        self.events = []

    @node
    async def bad(self):
        await asyncio.sleep(1)
        raise ValueError("broken")

    @node
    async def sibling(self):
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(2)
            self.events.append("cleaned up")

    @node
    async def never(self, bad):
        self.events.append("never")


@pytest.mark.parametrize("sequential", [False, True])
async def test_a_required_failure_is_raised_as_itself(prepare, place, sequential):
    target = Failing()
    run = prepare(target, {"sequential": sequential})
    with pytest.raises(ValueError, match="broken") as raised:
        await run.execute()
    where = Failing.plan.node("bad").place
    assert raised.value.__notes__ == [f"in node 'bad' of Failing ({where})"]
    assert run.failed_node is Failing.plan.node("bad")


async def test_a_required_failure_cancels_its_siblings_and_waits_for_their_cleanup(prepare, log):
    target = Failing()
    run = prepare(target)
    with pytest.raises(ValueError, match="broken"):
        await run.execute()
    assert target.events == ["cleaned up"]
    assert run.spans() == (Span("bad", "failed", 0, 1), Span("sibling", "cancelled", 0, 3))
    assert log.lines[-3:] == [("failed", "bad"), ("cancelled", "sibling"), ("run", "failed")]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_first_of_two_failures_at_once_is_raised(prepare, log):
    class G(Graph):
        @node
        async def first(self):
            await asyncio.sleep(5)

        @node
        async def a(self):
            await asyncio.sleep(1)
            raise ValueError("a")

        @node
        async def b(self):
            await asyncio.sleep(1)
            raise KeyError("b")

        @node
        async def c(self):
            try:
                await asyncio.sleep(5)
            finally:
                raise OSError("while cleaning up")

    run = prepare(G)
    with pytest.raises(ValueError, match="a"):
        await run.execute()
    assert run.failed_node.name == "a"
    assert log.of("b")[-1] == "failed"
    assert log.of("c")[-1] == "failed"


async def test_nothing_starts_after_a_failure(prepare):
    class G(Graph):
        @node
        async def first(self):
            await asyncio.sleep(1)

        @node
        async def bad(self):
            raise ValueError("at once")

        @node
        async def other(self):
            raise AssertionError("started after the failure")

    with pytest.raises(ValueError, match="at once"):
        await prepare(G).execute()


@pytest.mark.parametrize("sequential", [False, True])
async def test_an_optional_node_that_fails_degrades_the_run(prepare, log, sequential):
    class G(Graph):
        @node(optional=True, degradation="no_history")
        async def history(self):
            raise ValueError("store\nis down")

        @node(optional=True)
        async def rewritten(self, history=None):
            return (history, "rewritten")

        @node
        async def answer(self, history="default", rewritten=None):
            return (history, rewritten)

    run = prepare(G, {"sequential": sequential})
    await run.execute()
    assert run.value("answer") == ("default", (None, "rewritten"))
    assert run.value("history", "absent") == "absent"
    assert run.degradations == [Degradation("history", "no_history", "ValueError: store is down")]
    assert ("degraded", "no_history") in log.lines
    assert run.failed_node is None


class UnreadableError(Exception):
    """An error of a node's own whose text cannot be read."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


async def test_an_error_whose_text_cannot_be_read_is_its_nodes(prepare):
    class G(Graph):
        @node(optional=True)
        async def a(self):
            raise UnreadableError

        @node
        async def b(self, a="default"):
            raise UnreadableError

    run = prepare(G)
    with pytest.raises(UnreadableError):
        await run.execute()
    assert [each.error for each in run.degradations] == ["UnreadableError"]
    assert run.failed_line == "b"


async def test_an_optional_node_may_skip(prepare, log):
    class G(Graph):
        @node(optional=True)
        async def a(self):
            raise Skip

        @node
        async def b(self, a="default"):
            return a

    run = prepare(G)
    await run.execute()
    assert run.value("b") == "default"
    assert run.degradations == []
    assert log.of("a") == ["start", "skipped"]


async def test_a_required_node_may_not_skip(prepare):
    class G(Graph):
        @node
        async def a(self):
            raise Skip

    with pytest.raises(NodeError, match="node 'a' skips and is not declared so: optional=True"):
        await prepare(G).execute()


async def test_the_reason_of_a_degradation_distinguishes_timeouts(prepare):
    class G(Graph):
        @node(optional=True, timeout=1, degradation="rag_failed", on_timeout="rag_timeout")
        async def late(self):
            await asyncio.sleep(2)

        @node(optional=True, timeout=1, degradation="own_failed", on_timeout="own_timeout")
        async def own(self):
            raise TimeoutError("of what it called")

    run = prepare(G)
    await run.execute()
    assert [(d.node, d.reason) for d in run.degradations] == [("own", "own_failed"), ("late", "rag_timeout")]
    assert {span.node: span.status for span in run.spans()} == {"own": "failed", "late": "timeout"}


async def started(coroutine):
    """Run something up to where it waits for time to pass."""
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0.5)
    return task


@pytest.mark.parametrize("sequential", [False, True])
async def test_cancelling_the_run_cancels_every_node_and_waits(prepare, log, sequential):
    target = Failing()
    task = await started(prepare(target, {"sequential": sequential}).execute())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log.lines[-1] == ("run", "cancelled")
    ended = [line for line in log.lines if line[0] == "cancelled"]
    assert ended == (
        [("cancelled", "bad")] if sequential else [("cancelled", "bad"), ("cancelled", "sibling")]
    )
    assert target.events == ([] if sequential else ["cleaned up"])
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_cancelling_again_does_not_leave_the_cleanup_behind(prepare):
    target = Failing()
    task = await started(prepare(target).execute())
    task.cancel()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("sequential", [False, True])
async def test_a_node_that_swallows_its_cancellation_does_not_carry_the_run_on(prepare, sequential):
    class G(Graph):
        @node
        async def deaf(self):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                return "went on"

        @node
        async def after(self, deaf):
            raise AssertionError("started after the cancellation")

        @node
        async def beside(self):
            await asyncio.sleep(10)

    run = prepare(G, {"sequential": sequential})
    task = await started(run.execute())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert run.value("deaf") == "went on"


async def test_a_sibling_that_swallows_its_cancellation_does_not_hide_the_failure(prepare):
    class G(Graph):
        @node
        async def deaf(self):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                return "went on"

        @node
        async def bad(self):
            await asyncio.sleep(1)
            raise ValueError("broken")

        @node
        async def after(self, deaf):
            raise AssertionError("started after the failure")

    with pytest.raises(ValueError, match="broken"):
        await prepare(G).execute()


@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize("sequential", [False, True])
async def test_a_node_that_awaits_something_cancelled_has_failed(prepare, log, optional, sequential):
    class G(Graph):
        @node(optional=optional)
        async def a(self):
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

        @node
        async def b(self):
            await asyncio.sleep(1)

        @node
        async def c(self, a=None):
            return a

    run = prepare(G, {"sequential": sequential})
    if optional:
        await run.execute()
        assert run.degradations[0].error.startswith("NodeError: node 'a' was cancelled from within")
        assert log.of("c") == ["start", "success"]
    else:
        with pytest.raises(NodeError, match="node 'a' was cancelled from within") as raised:
            await run.execute()
        assert isinstance(raised.value.__cause__, asyncio.CancelledError)
    assert log.of("a")[-1] == "failed"


async def test_a_failure_while_the_run_is_being_cancelled_is_not_lost(prepare):
    class G(Graph):
        @node
        async def a(self):
            try:
                await asyncio.sleep(10)
            finally:
                raise ValueError("a")

        @node
        async def b(self):
            try:
                await asyncio.sleep(10)
            finally:
                await asyncio.sleep(1)
                raise KeyError("b")

    run = prepare(G)
    task = await started(run.execute())
    task.cancel()
    with pytest.raises(ValueError, match="a"):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_optional_failure_while_the_run_is_being_cancelled_stays_a_cancellation(prepare):
    class G(Graph):
        @node(optional=True)
        async def a(self):
            try:
                await asyncio.sleep(10)
            finally:
                raise ValueError("a")

        @node
        async def b(self, a=None):
            raise AssertionError("started after the cancellation")

    task = await started(prepare(G).execute())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_inside_a_timeout_the_run_ends_with_the_timeout(prepare, log):
    target = Failing()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await prepare(target).execute()
    assert asyncio.current_task().cancelling() == 0
    assert target.events == ["cleaned up"]
    assert log.lines[-1] == ("run", "cancelled")


async def test_inside_a_timeout_a_failure_stays_itself(prepare):
    with pytest.raises(ValueError, match="broken"):
        async with asyncio.timeout(5):
            await prepare(Failing()).execute()
    assert asyncio.current_task().cancelling() == 0


async def test_inside_a_task_group_a_failing_run_cancels_the_others(prepare):
    async def together():
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(100))
            group.create_task(prepare(Failing()).execute())

    with pytest.raises(ExceptionGroup) as raised:
        await together()
    assert [type(error) for error in raised.value.exceptions] == [ValueError]
    assert asyncio.get_running_loop().time() == 3


async def test_a_run_inside_a_node_of_another_run(prepare):
    class Outer(Graph):
        @node(optional=True)
        async def inner(self):
            await prepare(Failing()).execute()

        @node
        async def after(self, inner=None):
            await asyncio.sleep(1)
            return "after"

        @node
        async def beside(self):
            await asyncio.sleep(4)

    run = prepare(Outer)
    await run.execute()
    assert run.value("after") == "after"
    assert run.degradations == [Degradation("inner", "inner_failed", "ValueError: broken")]


async def test_a_run_while_its_caller_is_already_being_cancelled(prepare):
    """Who cleans up after a cancellation may run a graph for that."""

    class G(Graph):
        @node
        async def a(self):
            await asyncio.sleep(1)
            return 1

        @node
        async def b(self):
            return 2

        @node
        async def c(self, a, b):
            return a + b

    async def caller():
        try:
            await asyncio.sleep(10)
        finally:
            run = prepare(G)
            await run.execute()
            values.append(run.value("c"))

    values = []
    task = await started(caller())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert values == [3]


async def test_many_runs_of_one_class_at_once_do_not_mix(prepare):
    class G(Graph):
        inputs = ("x",)

        @node
        async def a(self, x):
            await asyncio.sleep(x % 3)
            return [x]

        @node
        async def b(self, a):
            await asyncio.sleep(1)
            return [*a, "b"]

        @node
        async def c(self, a):
            return [*a, "c"]

        @node
        async def d(self, b, c):
            return b + c

    target = G()
    runs = [prepare(target, x=x) for x in range(20)]
    await asyncio.gather(*(run.execute() for run in runs))
    assert [run.value("d") for run in runs] == [[x, "b", x, "c"] for x in range(20)]


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupts_pass(kind, sequential):
    class G(Graph):
        def __init__(self):
            self.cleaned_up = False

        @node
        async def bad(self):
            await asyncio.sleep(0)
            raise kind("now")

        @node
        async def sibling(self):
            try:
                await asyncio.sleep(100)
            finally:
                self.cleaned_up = True

    target = G()
    run = Run(G.plan, target, {}, sequential=sequential)
    with pytest.raises(kind, match="now"):
        asyncio.run(run.execute())
    assert target.cleaned_up is not sequential


async def test_an_unusual_base_exception_is_raised_as_itself(prepare, log):
    class Strange(BaseException):
        pass

    class G(Graph):
        @node(optional=True)
        async def a(self):
            await asyncio.sleep(1)
            raise Strange

        @node
        async def b(self):
            await asyncio.sleep(5)

    with pytest.raises(Strange):
        await prepare(G).execute()
    assert log.lines[-3:] == [("failed", "a"), ("cancelled", "b"), ("run", "failed")]


async def test_sequential_gives_the_same_values_one_node_at_a_time(prepare, log):
    class G(Graph):
        inputs = ("x",)

        @node
        async def d(self, b, c):
            return (b, c)

        @node
        async def b(self, a):
            await asyncio.sleep(1)
            return a + 1

        @node
        async def c(self, a, e=0):
            await asyncio.sleep(2)
            return a + e

        @node
        async def a(self, x):
            await asyncio.sleep(1)
            return x

        @node(optional=True)
        async def e(self):
            await asyncio.sleep(1)
            raise ValueError

    parallel, sequential = prepare(G, x=1), prepare(G, {"sequential": True}, x=1)
    await parallel.execute()
    log.lines.clear()
    await sequential.execute()
    assert sequential.value("d") == parallel.value("d") == (2, 1)
    assert sequential.degradations == parallel.degradations
    assert (parallel.seconds, sequential.seconds) == (3, 5)
    ends = [0.0, *(span.end for span in sequential.spans())]
    assert [span.start for span in sequential.spans()] == ends[:-1]
    order = [span.node for span in sequential.spans()]
    assert order.index("a") < order.index("b") < order.index("d")
    assert order.index("e") < order.index("c") < order.index("d")


async def test_values_are_passed_by_identity(prepare):
    value = object()

    class G(Graph):
        inputs = ("x",)

        @node
        async def a(self, x):
            return x

        @node
        async def b(self, a):
            return a

        @node
        async def c(self, a, b):
            return a is b

    run = prepare(G, x=value)
    await run.execute()
    assert run.value("b") is value
    assert run.value("c") is True


async def test_context_variables_of_the_caller_reach_every_node(prepare):
    tenant = contextvars.ContextVar("tenant")

    class G(Graph):
        @node
        async def a(self):
            return tenant.get()

        @node
        async def b(self):
            return tenant.get()

        @node
        def c(self):
            return tenant.get()

    tenant.set("acme")
    run = prepare(G)
    await run.execute()
    assert [run.value(name) for name in "abc"] == ["acme"] * 3


async def test_the_timeout_of_a_required_node_fails_the_run(prepare, log):
    class G(Graph):
        @node(timeout=1)
        async def a(self):
            await asyncio.sleep(2)

        @node
        async def b(self):
            await asyncio.sleep(10)

    run = prepare(G)
    with pytest.raises(NodeTimeout, match="node 'a' took longer than its 1 s") as raised:
        await run.execute()
    assert (raised.value.node, raised.value.seconds) == ("a", 1)
    assert isinstance(raised.value, TimeoutError)
    assert log.lines[-3:] == [("timeout", "a"), ("cancelled", "b"), ("run", "failed")]


@pytest.mark.parametrize("swallows", [False, True])
async def test_a_node_that_cancels_its_own_task_does_not_vanish(prepare, swallows):
    class G(Graph):
        @node
        async def first(self):
            await asyncio.sleep(5)

        @node
        async def a(self):
            asyncio.current_task().cancel()
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                if not swallows:
                    raise

        @node
        async def b(self, a, first):
            return "b"

    run = prepare(G)
    with pytest.raises(NodeError, match="node 'a' has cancelled its own task"):
        await run.execute()
    assert run.failed_node.name == "a"


@pytest.mark.parametrize("sequential", [False, True])
async def test_a_node_that_raises_generator_exit_fails_its_run_alone(prepare, sequential):
    class G(Graph):
        @node
        async def a(self):
            raise GeneratorExit

        @node
        async def b(self):
            return 1

    with pytest.raises(NodeError, match="node 'a' raised GeneratorExit"):
        await prepare(G, sequential=sequential).execute()


async def test_a_sync_node_that_exits_ends_its_run_and_not_the_process(prepare):
    class G(Graph):
        @node
        def a(self):
            sys.exit("usage: a library that parses arguments")

        @node
        async def b(self):
            return 1

    with pytest.raises(NodeError, match="node 'a' raised SystemExit"):
        await prepare(G).execute()
