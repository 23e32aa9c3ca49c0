"""The gauge of writes that were set aside."""

import asyncio

from structlog.testing import capture_logs

from ai_engine.background.dead_letter_gauge import dead_letter_gauge
from vital_shared.errors import StoreError
from vital_shared.monitoring.metrics import STORE_DEAD_LETTERS


class Letters:
    """A count of dead letters, which fails once."""

    def __init__(self) -> None:
        self.counts = iter([3, StoreError("away"), 0])
        self.asked = asyncio.Semaphore(0)

    async def count(self) -> int:
        try:
            found = next(self.counts)
        except StopIteration:
            await asyncio.Event().wait()
        self.asked.release()
        if isinstance(found, Exception):
            raise found
        return found


async def test_the_gauge_follows_the_store_and_survives_that_it_is_away():
    letters, gauge = Letters(), STORE_DEAD_LETTERS.labels()
    with capture_logs() as logs:
        task = asyncio.create_task(dead_letter_gauge(letters, seconds=0).watch())
        await letters.asked.acquire()
        assert gauge.value == 3
        await letters.asked.acquire()
        assert gauge.value == 3
        await letters.asked.acquire()
        assert gauge.value == 0
        task.cancel()
    assert [log["event"] for log in logs] == ["stored_gauges_not_refreshed"]
