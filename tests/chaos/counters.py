"""The counters of all replicas, added up as Prometheus does: over restarts, which begin from zero again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from tests.chaos.replica import Replica

__all__ = ["CALLS", "COST", "ESTIMATED", "RUNS", "CounterWatch"]

RUNS: Final = "vital_workflow_requests_overall_total"
CALLS: Final = "vital_llm_calls_total"
COST: Final = "vital_cost_overall_dollars_total"
ESTIMATED: Final = "vital_charges_flagged_total"

NAMES: Final = (RUNS, CALLS, COST, ESTIMATED)

SCRAPE_SECONDS: Final = 1.0
TIMEOUT_SECONDS: Final = 2.0

Series = tuple[str, frozenset[tuple[str, str]]]


class CounterWatch:
    """The increases of some counters over all replicas.

    :param replicas: scraped each second.
    """

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self._replicas = replicas
        self._last: dict[str, dict[Series, float]] = {replica.name: {} for replica in replicas}
        self._increase: Counter[Series] = Counter()

    def total(self, name: str, **labels: str) -> float:
        """Return the increase of the series that have these labels."""
        return sum(
            value
            for (each, found), value in self._increase.items()
            if each == name and labels.items() <= found
        )

    async def watch(self) -> None:
        """Scrape until cancelled."""
        while True:
            await self.scrape()
            await asyncio.sleep(SCRAPE_SECONDS)

    async def scrape(self) -> None:
        """Scrape all replicas once; one that does not answer is left out."""
        async with asyncio.TaskGroup() as tasks:
            for replica in self._replicas:
                tasks.create_task(self._scrape(replica))

    async def _scrape(self, replica: Replica) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{replica.url}/metrics") as response,
            ):
                text = await response.text()
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            return
        self._take(replica.name, _read(text))

    def _take(self, name: str, now: dict[Series, float]) -> None:
        before = self._last[name]
        for series, value in now.items():
            last = before.get(series, 0.0)
            self._increase[series] += value if value < last else value - last
        self._last[name] = now


def _read(text: str) -> dict[Series, float]:
    watched = "\n".join(line for line in text.splitlines() if line.startswith(NAMES))  # the rest takes long
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(watched + "\n")
        for sample in family.samples
    }
