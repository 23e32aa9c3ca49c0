"""Sync nodes run in threads, and forgotten coroutines are errors."""

import asyncio
import contextvars
import threading

import pytest

from vital_shared.graph import (
    Graph,
    NodeError,
    fan_out,
    node,
)
from vital_shared.graph.thread import MAX_NODE_THREADS


async def test_a_sync_node_runs_in_a_thread_and_does_not_block(prepare):
    free = threading.Event()

    class G(Graph):
        @node
        def a(self):
            free.wait()
            return threading.current_thread() is not threading.main_thread()

        @node
        async def b(self):
            free.set()

    run = prepare(G)
    await run.execute()
    assert run.value("a") is True


async def test_a_sync_node_reads_context_variables_and_keeps_its_own(prepare):
    tenant = contextvars.ContextVar("tenant")
    tenant.set("acme")

    class G(Graph):
        @node
        def a(self):
            before = tenant.get()
            tenant.set("changed in the thread")
            return before

        @node
        async def b(self, a):
            return tenant.get()

    run = prepare(G)
    await run.execute()
    assert (run.value("a"), run.value("b")) == ("acme", "acme")


async def test_the_error_of_a_sync_node_is_raised_as_itself(prepare):
    class G(Graph):
        @node
        def a(self):
            raise ValueError("in a thread")

    run = prepare(G)
    with pytest.raises(ValueError, match="in a thread"):
        await run.execute()
    assert run.failed_node.name == "a"


async def test_a_sync_node_that_raises_stop_iteration_does_not_hang(prepare):
    class G(Graph):
        @node
        def a(self):
            return next(iter(()))

    with pytest.raises(NodeError, match="node 'a' raised StopIteration"):
        await prepare(G).execute()


async def test_a_sync_node_that_returns_a_coroutine_is_an_error(prepare):
    class G(Graph):
        async def _work(self):
            return 1

        @node
        def a(self):
            return self._work()

    with pytest.raises(
        NodeError, match=r"node 'a' \(test_threads\.py:\d+\) is sync and returned a coroutine"
    ):
        await prepare(G).execute()


@pytest.mark.parametrize("options", [{}, {"timeout": 2}])
async def test_an_async_node_that_forgets_to_await_is_an_error_that_names_the_call(prepare, options):
    class G(Graph):
        async def _work(self):
            return 1

        @node(**options)
        async def a(self):
            return self._work()

    said = r"node 'a' \(test_threads\.py:\d+\) returned a coroutine: write await in front of _work\(…\)"
    with pytest.raises(NodeError, match=said):
        await prepare(G).execute()


async def test_an_item_that_forgets_to_await_has_failed(prepare):
    class G(Graph):
        inputs = ("numbers",)

        async def _work(self):
            return 1

        @fan_out("number", over="numbers")
        async def a(self, number):
            return self._work() if number else 0

    run = prepare(G, numbers=(0, 1))
    await run.execute()
    good, bad = run.value("a")
    assert (good.value, bad.status) == (0, "failed")
    assert "write await in front of _work(…)" in bad.error


class Threads(Graph):
    def __init__(self):
        self.entered, self.leave = threading.Event(), threading.Event()
        self.left = False

    @node
    def a(self):
        self.entered.set()
        self.leave.wait()
        self.left = True


async def test_cancelling_waits_for_the_thread(prepare, log):
    target = Threads()
    task = asyncio.create_task(prepare(target).execute())
    await asyncio.to_thread(target.entered.wait)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    target.leave.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert target.left
    assert log.of("a")[-1] == "cancelled"


async def test_a_sync_node_that_still_waits_for_a_thread_never_starts_once_cancelled(prepare):
    blocking, runs = await all_threads_taken(prepare)
    target = Threads()
    task = asyncio.create_task(prepare(target).execute())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    blocking.leave.set()
    await asyncio.gather(*runs)
    assert not target.entered.is_set()


async def test_nodes_that_block_hold_up_nothing_that_runs_in_threads_but_nodes(prepare):
    blocking, runs = await all_threads_taken(prepare)
    release = threading.Timer(10, blocking.leave.set)  # the loop's own time is virtual
    release.start()
    try:
        await asyncio.to_thread(lambda: "rendered")
        assert not blocking.leave.is_set()
    finally:
        release.cancel()
        blocking.leave.set()
        await asyncio.gather(*runs)


class Blocking(Graph):
    """Nodes that wait in their threads, and count how many do."""

    def __init__(self):
        self.leave, self.entered = threading.Event(), threading.Semaphore(0)

    @node
    def a(self):
        self.entered.release()
        self.leave.wait()


async def all_threads_taken(prepare):
    """Start more blocking nodes than there are threads for them."""
    target = Blocking()
    runs = [asyncio.create_task(prepare(target).execute()) for _ in range(MAX_NODE_THREADS + 8)]
    for _ in range(MAX_NODE_THREADS):
        await asyncio.to_thread(target.entered.acquire)
    return target, runs
