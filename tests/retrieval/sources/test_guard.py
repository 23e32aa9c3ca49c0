"""A source that fails or is late again and again is left alone for a while."""

import asyncio
from contextlib import suppress

import pytest

from vital_shared.breaker import BREAKER_FAILURES, OPEN_SECONDS, Breakers
from vital_shared.errors import SourceError
from vital_shared.retrieval.sources.guard import LATE_SECONDS, SourceGuard


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def guard(clock):
    return SourceGuard("supabase", Breakers(clock), clock)


async def fail(guard, error, times=BREAKER_FAILURES):
    for _ in range(times):
        with pytest.raises(type(error)):
            async with guard.search():
                raise error


async def cancelled_after(guard, clock, seconds, times=BREAKER_FAILURES):
    for _ in range(times):
        with suppress(asyncio.CancelledError):
            async with guard.search():
                clock.now += seconds
                raise asyncio.CancelledError


async def search(guard):
    async with guard.search():
        return True


async def test_a_source_that_fails_in_a_row_is_left_alone_for_a_while(guard, clock):
    await fail(guard, ConnectionError("down"))
    with pytest.raises(SourceError, match="supabase has failed several times in a row"):
        await search(guard)
    clock.now += OPEN_SECONDS
    assert await search(guard)
    assert await search(guard)


async def test_one_that_is_late_in_a_row_is_left_alone_too(guard, clock):
    await cancelled_after(guard, clock, LATE_SECONDS)
    with pytest.raises(SourceError):
        await search(guard)


async def test_runs_that_users_cancel_at_once_say_nothing_about_the_source(guard, clock):
    await cancelled_after(guard, clock, LATE_SECONDS / 2)
    assert await search(guard)


async def test_an_answer_in_between_starts_the_count_anew(guard, clock):
    await fail(guard, ConnectionError("down"), BREAKER_FAILURES - 1)
    assert await search(guard)
    await fail(guard, ConnectionError("down"), BREAKER_FAILURES - 1)
    assert await search(guard)
