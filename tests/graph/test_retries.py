"""Named errors are tried again."""

import asyncio

import pytest

from vital_shared.graph import (
    Graph,
    NodeTimeout,
    Pause,
    Retry,
    Skip,
    node,
)


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


async def test_each_failed_attempt_is_recorded_by_its_error(prepare):
    class G(Graph):
        @node(retry=Retry(on=(ValueError,), attempts=2, backoff_seconds=0.0))
        async def a(self) -> int:
            raise ValueError("first")

    run = prepare(G())
    with pytest.raises(ValueError, match="first"):
        await run.execute()
    assert [each for each in run.failed_attempts if each.node == "a"] == [
        ("a", None, ValueError, "ValueError: first"),
        ("a", None, ValueError, "ValueError: first"),
    ]
