"""Gauges that show what the store says."""

import asyncio
import time

from ai_engine.background import stored_gauges
from ai_engine.background.stored_gauges import StoredGauges

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
