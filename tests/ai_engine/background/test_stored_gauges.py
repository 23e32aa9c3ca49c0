"""Gauges that show what the store says."""

import asyncio
import time

from ai_engine.background import stored_gauges
from ai_engine.background.stored_gauges import StoredGauges
from vital_shared.errors import StoreError

READING_SECONDS = 0.2


async def test_a_slow_reading_is_repeated_less_often(monkeypatch):
    monkeypatch.setattr(stored_gauges, "MAX_READING_SHARE", 0.5)
    times, has_begun_again = [], asyncio.Event()

    async def read():
        times.append(time.perf_counter())
        if len(times) == 3:
            has_begun_again.set()
        await asyncio.sleep(READING_SECONDS)
        times.append(time.perf_counter())
        return {}

    watching = asyncio.create_task(StoredGauges("slow", read, seconds=0).watch())
    await has_begun_again.wait()
    watching.cancel()
    began, ended, again = times
    assert again - ended >= 0.9 * (ended - began)


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
