"""What was read a moment ago is not read again, and is never older than that."""

import asyncio

import pytest

from vital_shared.store.short_lived_cache import RECENT_SECONDS, ShortLivedCache


class Source:
    """Counts who reads it; a reader waits for the gate."""

    def __init__(self) -> None:
        self.value = "old"
        self.reads = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.error = None

    async def read(self):
        self.reads += 1
        value = self.value
        await self.gate.wait()
        if self.error:
            raise self.error
        return value


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


async def test_it_is_read_again_when_its_time_is_over(clock):
    source, recent = Source(), ShortLivedCache(clock)
    assert [await recent.get("a", source.read) for _ in range(3)] == ["old"] * 3
    assert source.reads == 1
    source.value = "new"
    clock.now = RECENT_SECONDS
    assert await recent.get("a", source.read) == "new"


async def test_of_many_who_ask_at_once_one_reads(clock):
    source, recent = Source(), ShortLivedCache(clock)
    source.gate.clear()
    asking = [asyncio.create_task(recent.get("a", source.read)) for _ in range(50)]
    await asyncio.sleep(0)
    other = await asyncio.wait_for(recent.get("b", Source().read), 5)
    source.gate.set()
    assert (await asyncio.gather(*asking), other, source.reads) == (["old"] * 50, "old", 1)


async def test_where_the_reader_fails_all_do_and_where_it_is_cancelled_another_reads(clock):
    for end in ("fail", "cancel"):
        source, recent = Source(), ShortLivedCache(clock)
        source.gate.clear()
        first = asyncio.create_task(recent.get("a", source.read))
        await asyncio.sleep(0)
        others = [asyncio.create_task(recent.get("a", source.read)) for _ in range(5)]
        await asyncio.sleep(0)
        if end == "fail":
            source.error = OSError("gone")
            source.gate.set()
            results = await asyncio.gather(first, *others, return_exceptions=True)
            assert all(isinstance(each, OSError) for each in results)
            assert source.reads == 1  # a store that is frozen costs nobody a second wait
        else:
            first.cancel()
            source.gate.set()
            assert await asyncio.gather(*others) == ["old"] * 5
            assert source.reads == 2


async def test_what_is_changed_meanwhile_is_read_again(clock):
    source, recent = Source(), ShortLivedCache(clock)
    source.gate.clear()
    asking = asyncio.create_task(recent.get("a", source.read))
    await asyncio.sleep(0)
    source.value = "new"
    recent.forget()
    source.gate.set()
    assert await asking == "old"  # it was asked before the change
    assert await recent.get("a", source.read) == "new"
