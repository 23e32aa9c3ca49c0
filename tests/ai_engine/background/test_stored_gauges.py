"""Gauges that show what the store says."""

import asyncio
import time

from ai_engine.background import stored_gauges
from ai_engine.background.stored_gauges import StoredGauges
from vital_shared.errors import StoreError

READING_SECONDS = 0.2


async def test_slow_readings_are_repeated_less_often(monkeypatch):
    monkeypatch.setattr(stored_gauges, "MAX_READING_SHARE", 0.5)
    times, has_begun_again = [], asyncio.Event()

    async def read():
        times.append(time.perf_counter())
        if len(times) == 5:
            has_begun_again.set()
        await asyncio.sleep(READING_SECONDS)
        times.append(time.perf_counter())
        return {}

    watching = asyncio.create_task(StoredGauges("slow", read, seconds=0).watch())
    await has_begun_again.wait()
    watching.cancel()
    _, first_ended, began, ended, again = times
    assert began - first_ended < 0.9 * READING_SECONDS, "the first may be slow because the engine starts"
    assert again - ended >= 0.9 * (ended - began)


async def test_no_reading_waits_longer_than_a_minute_for_the_next(monkeypatch):
    paused, pauses = asyncio.Event(), []

    async def read():
        await asyncio.sleep(READING_SECONDS)
        return {}

    async def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            paused.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(stored_gauges, "MAX_READING_SHARE", 0.0001)  # by which it would wait for half an hour
    watching = asyncio.create_task(StoredGauges("slow", read, sleep=pause).watch())
    await paused.wait()
    watching.cancel()
    assert pauses == [10, 60]


async def test_an_outage_of_the_store_does_not_make_later_readings_rare(monkeypatch):
    monkeypatch.setattr(stored_gauges, "MAX_READING_SHARE", 0.002)
    readings, went_on = 0, asyncio.Event()

    async def read():
        nonlocal readings
        readings += 1
        if readings == 2:
            await asyncio.sleep(READING_SECONDS)
            raise StoreError("The store is away.")
        if readings == 3:
            await asyncio.sleep(READING_SECONDS)  # the store stalls, and answers after all
        if readings == 4:
            went_on.set()
        return {}

    # A stall of 0.2 s would let the next reading wait for 100 s.
    watching = asyncio.create_task(StoredGauges("stalled", read, seconds=0).watch())
    try:
        await asyncio.wait_for(went_on.wait(), 60)
    finally:
        watching.cancel()
    assert readings == 4
