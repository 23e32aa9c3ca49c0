"""A time limit that is armed only where there is something to wait for: as `asyncio.timeout`, else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.graph.errors import NodeTimeout
from vital_shared.graph.in_time import in_time

STEPS = ("wait", "turn", "raise", "catch", "swallow")


@pytest.fixture
def armed(monkeypatch):
    """The timeouts that were armed."""
    made: list[float | None] = []
    arm = asyncio.timeout_at

    def count(when):
        made.append(when)
        return arm(when)

    monkeypatch.setattr(asyncio, "timeout_at", count)
    return made


async def test_a_call_that_waits_for_nothing_arms_no_timeout(armed):
    async def ready() -> int:
        return 1

    assert await in_time("a", 5, ready) == 1
    assert not armed


async def test_a_call_that_waits_arms_one_and_gets_what_it_waits_for(armed):
    waited: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def waits() -> int:
        await asyncio.sleep(0)
        return await waited

    asyncio.get_running_loop().call_later(0.001, waited.set_result, 7)
    assert await in_time("a", 5, waits) == 7
    assert len(armed) == 1


@pytest.mark.parametrize("first", [0, 1], ids=["at once", "after a turn of the loop"])
async def test_a_call_that_takes_too_long_is_a_timeout(first):
    async def late() -> None:
        for _ in range(first):
            await asyncio.sleep(0)
        await asyncio.Event().wait()

    with pytest.raises(NodeTimeout, match="a"):
        await in_time("a", 0.001, late)


async def test_the_time_before_the_first_wait_counts(armed):
    loop, inside = asyncio.get_running_loop(), []

    async def waits() -> None:
        inside.append(loop.time())
        await asyncio.sleep(0)

    await in_time("a", 5, waits)
    assert armed[0] <= inside[0] + 5


async def test_an_error_before_the_first_wait_and_after_it_is_raised_as_itself():
    async def fails(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise ValueError(str(turns))

    for turns in (0, 1, 3):
        with pytest.raises(ValueError, match=str(turns)):
            await in_time("a", 5, lambda turns=turns: fails(turns))


async def test_cancelling_reaches_the_call_and_is_no_timeout():
    ended = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    task = asyncio.create_task(in_time("a", 5, waits))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended


async def test_within_the_call_its_task_is_the_callers():
    tasks = []

    async def looks() -> None:
        tasks.append(asyncio.current_task())
        await asyncio.sleep(0)
        tasks.append(asyncio.current_task())

    await in_time("a", 5, looks)
    assert tasks == [asyncio.current_task()] * 2


def script(steps: tuple[str, ...], log: list[Any]) -> Any:
    """Make a call that does these steps, and notes how far it came."""

    async def play() -> int:
        for number, step in enumerate(steps):
            try:
                if step == "raise":
                    raise ValueError(number)
                if step == "turn":
                    await asyncio.sleep(0)
                elif step == "wait":
                    await asyncio.sleep(0.0001)
                elif step == "catch":
                    try:
                        await asyncio.wait_for(asyncio.Event().wait(), 0.0001)
                    except TimeoutError:
                        log.append("caught")
                elif step == "swallow":
                    task = asyncio.current_task()
                    assert task is not None
                    task.cancel()
                    try:
                        await asyncio.sleep(0)
                    except asyncio.CancelledError:
                        task.uncancel()
            finally:
                log.append(number)
        return len(steps)

    return play


@given(st.lists(st.sampled_from(STEPS), max_size=5).map(tuple))
def test_a_call_does_the_same_as_when_it_is_awaited(steps):
    async def outcome(limited: bool) -> tuple[Any, list[Any]]:
        log: list[Any] = []
        play = script(steps, log)
        try:
            return await (in_time("a", 60, play) if limited else play()), log
        except ValueError as error:
            return str(error), log

    async def both() -> None:
        assert await outcome(limited=True) == await outcome(limited=False)

    asyncio.run(both())
