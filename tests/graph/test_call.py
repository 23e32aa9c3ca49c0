"""How one node is run: streaming, in a thread, with a timeout, retries and a fallback."""

import asyncio
import contextvars
import threading

import pytest

from vital_shared.graph import (
    Degradation,
    Done,
    Graph,
    NodeError,
    NodeTimeout,
    Pause,
    Retry,
    Skip,
    fan_out,
    node,
)
from vital_shared.graph.thread import MAX_NODE_THREADS

# Turns of the loop


@pytest.mark.parametrize("is_delivered", [True, False])
async def test_a_stream_that_waits_for_nothing_leaves_the_loop_its_turns_and_can_be_cancelled(
    prepare, is_delivered
):
    begun, yielded = asyncio.Event(), 0

    class G(Graph):
        @node
        async def a(self):
            nonlocal yielded
            begun.set()
            while yielded < 100_000:  # without end, but for a test that fails
                yielded += 1
                yield yielded
            yield Done(yielded)

    async def deliver(node, chunk, item):
        pass

    running = asyncio.create_task(prepare(G, {"deliver": deliver if is_delivered else None}).execute())
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert yielded < 1_000


# Timeouts


async def test_a_value_in_time_is_the_value(prepare):
    class G(Graph):
        @node(timeout=2)
        async def a(self):
            await asyncio.sleep(1)
            return 1

    run = prepare(G)
    await run.execute()
    assert run.value("a") == 1


async def test_a_timeout_error_of_what_the_node_calls_is_a_failure(prepare, log):
    class G(Graph):
        @node(timeout=5)
        async def a(self):
            async with asyncio.timeout(1):
                await asyncio.sleep(2)

    with pytest.raises(TimeoutError) as raised:
        await prepare(G).execute()
    assert not isinstance(raised.value, NodeTimeout)
    assert log.of("a")[-1] == "failed"


async def test_a_node_that_answers_its_timeout_with_another_error_has_timed_out(prepare, log):
    class G(Graph):
        @node(timeout=1)
        async def a(self):
            try:
                await asyncio.sleep(2)
            except asyncio.CancelledError:
                raise ConnectionError("closed by the library") from None

    with pytest.raises(NodeTimeout) as raised:
        await prepare(G).execute()
    assert isinstance(raised.value.__cause__, ConnectionError)
    assert log.of("a")[-1] == "timeout"


async def test_cancelling_a_node_with_a_timeout_is_no_timeout(prepare, log):
    class G(Graph):
        @node(timeout=5)
        async def a(self):
            await asyncio.sleep(10)

    with pytest.raises(TimeoutError) as raised:
        async with asyncio.timeout(1):
            await prepare(G).execute()
    assert not isinstance(raised.value, NodeTimeout)
    assert log.of("a")[-1] == "cancelled"


# Retries


def failing(*errors, wait=0.0):
    """A graph whose node raises these errors one after another, and then returns."""

    class G(Graph):
        def __init__(self):
            self.times = []

        @node(retry=Retry(on=(ValueError, KeyError), attempts=3, backoff_seconds=1.0, jitter=0.0))
        async def a(self):
            self.times.append(asyncio.get_running_loop().time())
            await asyncio.sleep(wait)
            if len(self.times) <= len(errors):
                raise errors[len(self.times) - 1]
            return len(self.times)

    return G()


async def test_named_errors_are_tried_again_after_a_longer_wait_each(prepare, log):
    target = failing(ValueError(), KeyError())
    run = prepare(target)
    await run.execute()
    assert run.value("a") == 3
    assert target.times == [0, 1, 3]
    assert run.degradations == []
    assert log.of("a") == ["start", "success"]


async def test_the_last_error_is_raised(prepare):
    target = failing(ValueError("1"), ValueError("2"), ValueError("3"))
    with pytest.raises(ValueError, match="3"):
        await prepare(target).execute()
    assert len(target.times) == 3


async def test_other_errors_are_not_tried_again(prepare):
    target = failing(OSError())
    with pytest.raises(OSError):
        await prepare(target).execute()
    assert len(target.times) == 1


async def test_waits_have_jitter(prepare, monkeypatch):
    monkeypatch.setattr("random.random", lambda: 0.5)

    class G(Graph):
        @node(retry=Retry(on=(ValueError,), attempts=2, backoff_seconds=4.0, jitter=0.5))
        async def a(self):
            if asyncio.get_running_loop().time() == 0:
                raise ValueError

    run = prepare(G)
    await run.execute()
    assert run.seconds == 3


async def test_the_timeout_is_for_all_attempts_together(prepare):
    class G(Graph):
        @node(timeout=5, retry=Retry(on=(ValueError,), attempts=100, backoff_seconds=1.0, jitter=0.0))
        async def a(self):
            raise ValueError

    run = prepare(G)
    with pytest.raises(NodeTimeout):
        await run.execute()
    assert run.seconds == 5


async def test_a_cancellation_between_attempts_ends_them(prepare):
    target = failing(ValueError())
    task = asyncio.create_task(prepare(target).execute())
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(target.times) == 1


async def test_pauses_and_skips_are_no_errors_to_try_again(prepare, log):
    class G(Graph):
        @node(pauses=True, retry=Retry(on=(Exception,)))
        async def a(self) -> int:
            raise Pause("please")

        @node(optional=True, retry=Retry(on=(Exception,)))
        async def b(self) -> int:
            raise Skip

    run = prepare(G)
    await run.execute()
    assert run.paused == {"a": "please"}
    assert run.seconds == 0
    assert log.of("b") == ["start", "skipped"]


# Fallbacks


def with_fallback(fallback_does, **declared):
    class G(Graph):
        inputs = ("x", "y")

        async def _other(self, y, *, x):
            return await fallback_does(x, y)

        @node(fallback=_other, degradation="llm_fallback", **declared)
        async def a(self, x, y):
            await asyncio.sleep(x)
            raise ValueError("first choice")

        @node
        async def b(self, a="default"):
            return a

    return G


async def test_a_fallback_gives_the_value_and_the_run_is_degraded(prepare, log):
    async def does(x, y):
        return (x, y)

    run = prepare(with_fallback(does), x=1, y=2)
    await run.execute()
    assert run.value("b") == (1, 2)
    assert run.degradations == [Degradation("a", "llm_fallback", "ValueError: first choice")]
    assert log.of("a") == ["start", "success"]


async def test_a_fallback_after_a_timeout_tells_its_own_reason(prepare):
    async def does(x, y):
        return "other"

    run = prepare(with_fallback(does, timeout=1, on_timeout="llm_timeout"), x=2, y=2)
    await run.execute()
    assert run.value("b") == "other"
    assert [degradation.reason for degradation in run.degradations] == ["llm_timeout"]


async def test_a_fallback_that_fails_fails_the_node_and_tells_both_errors(prepare):
    async def does(x, y):
        raise KeyError("second choice")

    run = prepare(with_fallback(does), x=1, y=2)
    with pytest.raises(KeyError, match="second choice") as raised:
        await run.execute()
    assert str(raised.value.__context__) == "first choice"
    assert run.degradations == []


async def test_a_fallback_that_fails_degrades_an_optional_node_once(prepare):
    async def does(x, y):
        raise KeyError("second choice")

    run = prepare(with_fallback(does, optional=True), x=1, y=2)
    await run.execute()
    assert run.value("b") == "default"
    assert run.degradations == [Degradation("a", "llm_fallback", "KeyError: 'second choice'")]


async def test_a_fallback_that_hangs_is_ended_by_the_same_timeout(prepare):
    async def does(x, y):
        await asyncio.sleep(100)

    run = prepare(with_fallback(does, timeout=3), x=1, y=2)
    with pytest.raises(NodeTimeout):
        await run.execute()
    assert run.seconds == 4


async def test_a_fallback_comes_after_the_last_attempt(prepare):
    async def does(x, y):
        return "other"

    run = prepare(
        with_fallback(does, retry=Retry(on=(ValueError,), attempts=2, backoff_seconds=1, jitter=0)), x=0, y=2
    )
    await run.execute()
    assert (run.value("b"), run.seconds) == ("other", 1)


async def test_pauses_and_skips_have_no_fallback(prepare):
    class G(Graph):
        async def _other(self):
            return "other"

        @node(pauses=True, fallback=_other)
        async def a(self) -> str:
            raise Pause("please")

        @node(optional=True, fallback=_other)
        async def b(self) -> str:
            raise Skip

    run = prepare(G)
    await run.execute()
    assert run.paused == {"a": "please"}
    assert run.value("b") is None


async def test_a_fallback_gets_the_nodes_default_for_what_a_subclass_dropped(prepare):
    class G(Graph):
        @node(optional=True)
        async def extra(self):
            return "extra"

        async def _other(self, extra):
            return extra

        @node(fallback=_other)
        async def a(self, extra="default"):
            raise ValueError

    class Less(G):
        extra = None

    for graph, value in ((G, "extra"), (Less, "default")):
        run = prepare(graph)
        await run.execute()
        assert run.value("a") == value


# Streams


class Stream(Graph):
    inputs = ("count",)

    def __init__(self):
        self.events = []

    @node
    async def tokens(self, count):
        try:
            for number in range(count):
                await asyncio.sleep(1)
                self.events.append(f"made {number}")
                yield number
            yield Done("the whole")
            raise AssertionError("went on after Done")
        finally:
            await asyncio.sleep(0.5)
            self.events.append("closed")

    @node
    async def after(self, tokens):
        return tokens.upper()


async def test_chunks_reach_the_caller_at_once_and_done_is_the_value(prepare):
    got = []

    async def deliver(of, chunk, item):
        got.append((of.name, chunk, asyncio.get_running_loop().time()))

    run = prepare(Stream, {"deliver": deliver}, count=3)
    await run.execute()
    assert got == [("tokens", 0, 1), ("tokens", 1, 2), ("tokens", 2, 3)]
    assert run.value("after") == "THE WHOLE"
    assert run.seconds == 3.5


async def test_nobody_has_to_listen(prepare):
    run = prepare(Stream, count=3)
    await run.execute()
    assert run.value("after") == "THE WHOLE"


async def test_a_stream_without_done_is_an_error(prepare):
    class G(Graph):
        @node
        async def a(self):
            yield 1

    with pytest.raises(NodeError, match=r"node 'a' ended without Done\(value\)"):
        await prepare(G).execute()


async def test_a_slow_reader_slows_the_stream(prepare):
    target = Stream()

    async def deliver(of, chunk, item):
        await asyncio.sleep(9)
        target.events.append(f"read {chunk}")

    await prepare(target, {"deliver": deliver}, count=2).execute()
    assert target.events == ["made 0", "read 0", "made 1", "read 1", "closed"]


async def test_a_reader_that_fails_fails_the_node_and_closes_the_generator(prepare):
    target = Stream()

    async def deliver(of, chunk, item):
        raise ConnectionError("gone")

    run = prepare(target, {"deliver": deliver}, count=2)
    with pytest.raises(ConnectionError, match="gone"):
        await run.execute()
    assert target.events == ["made 0", "closed"]
    assert run.failed_node.name == "tokens"


@pytest.mark.parametrize("reader_waits", [False, True])
async def test_a_cancelled_stream_is_closed(prepare, reader_waits):
    target = Stream()

    async def deliver(of, chunk, item):
        if reader_waits:
            await asyncio.sleep(100)

    task = asyncio.create_task(prepare(target, {"deliver": deliver}, count=200).execute())
    await asyncio.sleep(1.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert target.events == ["made 0", "closed"]


async def test_a_stream_that_fails_before_its_first_chunk_is_tried_again(prepare):
    class G(Graph):
        def __init__(self):
            self.attempts = 0

        @node(retry=Retry(on=(ValueError,), backoff_seconds=0))
        async def a(self):
            self.attempts += 1
            if self.attempts < 3:
                raise ValueError
            yield "chunk"
            yield Done(self.attempts)

    run = prepare(G)
    await run.execute()
    assert run.value("a") == 3


@pytest.mark.parametrize("heard", [False, True])
async def test_what_was_shown_is_not_taken_back(prepare, heard):
    class G(Graph):
        def __init__(self):
            self.attempts = 0

        async def _other(self):
            raise AssertionError("a second answer behind half of the first")

        @node(retry=Retry(on=(ValueError,)), fallback=_other)
        async def a(self):
            self.attempts += 1
            yield "half"
            raise ValueError("broke off")

    async def deliver(of, chunk, item):
        pass

    target = G()
    with pytest.raises(ValueError, match="broke off"):
        await prepare(target, {"deliver": deliver if heard else None}).execute()
    assert target.attempts == 1


async def test_a_stream_may_time_out_and_is_closed(prepare, log):
    class G(Stream):
        @node(timeout=1.5)
        async def tokens(self, count):
            async for chunk in super().tokens(count):
                yield chunk

    target = G()
    with pytest.raises(NodeTimeout):
        await prepare(target, count=9).execute()
    assert target.events == ["made 0", "closed"]
    assert log.of("tokens")[-1] == "timeout"


# Threads


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

    with pytest.raises(NodeError, match=r"node 'a' \(test_call\.py:\d+\) is sync and returned a coroutine"):
        await prepare(G).execute()


@pytest.mark.parametrize("options", [{}, {"timeout": 2}])
async def test_an_async_node_that_forgets_to_await_is_an_error_that_names_the_call(prepare, options):
    class G(Graph):
        async def _work(self):
            return 1

        @node(**options)
        async def a(self):
            return self._work()

    said = r"node 'a' \(test_call\.py:\d+\) returned a coroutine: write await in front of _work\(…\)"
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
