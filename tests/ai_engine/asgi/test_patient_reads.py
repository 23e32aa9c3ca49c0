"""A read is given up when the store hangs, not when the event loop itself was held up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from ai_engine.asgi.patient_reads import PatientReads

PATIENCE_SECONDS = 0.2


@pytest.fixture
async def reads() -> AsyncIterator[PatientReads[str, str]]:
    reads = PatientReads[str, str](at_once=1)
    yield reads
    await reads.aclose()


async def test_a_loop_that_stands_still_is_not_taken_for_a_store_that_hangs(
    reads: PatientReads[str, str],
) -> None:
    """A collection of garbage, an import or a frozen machine may hold the loop up longer than anyone waits."""
    is_asked, was_held_up = threading.Event(), threading.Event()

    def look_up() -> str:
        is_asked.set()
        was_held_up.wait()
        return "found"

    async def hold_the_loop_up() -> None:
        await asyncio.to_thread(is_asked.wait)
        time.sleep(2 * PATIENCE_SECONDS)  # noqa: ASYNC251 - that the loop stands still is what is tested
        was_held_up.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hold_the_loop_up())
        found = tasks.create_task(
            reads.get("key", lambda: asyncio.to_thread(look_up), patience_seconds=PATIENCE_SECONDS)
        )
    assert found.result() == "found"


async def test_a_read_that_hangs_is_given_up_and_kept_for_the_next_request(
    reads: PatientReads[str, str],
) -> None:
    answers = asyncio.Event()
    begun = 0

    async def look_up() -> str:
        nonlocal begun
        begun += 1
        await answers.wait()
        return "found"

    with pytest.raises(TimeoutError):
        await reads.get("key", look_up, patience_seconds=0.01)
    with pytest.raises(TimeoutError):  # it began long ago, so nobody waits for it
        await reads.get("key", look_up, patience_seconds=0.01)
    answers.set()
    assert await reads.get("key", look_up, patience_seconds=10) == "found"
    assert begun == 1


async def test_a_turn_is_waited_for_no_longer_than_the_patience(reads: PatientReads[str, str]) -> None:
    async def hang() -> str:
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(TimeoutError):
        await reads.get("one", hang, patience_seconds=0.01)
    with pytest.raises(TimeoutError):
        await reads.get("another", hang, patience_seconds=0.01)


async def test_what_a_read_raises_reaches_every_request_that_waits_for_it(
    reads: PatientReads[str, str],
) -> None:
    async def fail() -> str:
        await asyncio.sleep(0)
        raise LookupError("away")

    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(_error_of(reads, fail)) for _ in range(3)]
    assert [str(task.result()) for task in waiting] == ["away"] * 3


async def _error_of(reads: PatientReads[str, str], read: Callable[[], Awaitable[str]]) -> LookupError:
    with pytest.raises(LookupError) as raised:
        await reads.get("key", read, patience_seconds=10)
    return raised.value
