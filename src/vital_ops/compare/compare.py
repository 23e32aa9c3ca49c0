"""Run the loads, and read what they took."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from vital_ops.compare.client import LoadFailed, ask_all
from vital_ops.compare.figures import Figures, first_tokens, instant, of_clients, of_prometheus
from vital_ops.compare.latencies import worded
from vital_ops.compare.paced import LONG, PACED
from vital_ops.promql import Match, scoped, select, sum_by
from vital_ops.stack.scratch import Scratch
from vital_shared.monitoring.metrics import WORKFLOW_DURATION_SECONDS

__all__ = [
    "CACHED",
    "DIFFERENT",
    "LONG_ANSWERS",
    "PARALLEL",
    "SEQUENTIAL",
    "UNCACHED",
    "Load",
    "Measured",
    "measure",
]

DIFFERENT: Final = 10
"""Questions that are asked again and again, where the cache is compared."""

SCRAPE_SECONDS: Final = 30.0
SCRAPED_SECONDS: Final = 0.2
"""Between looks whether it has."""


@dataclass(frozen=True, slots=True)
class Load:
    """One of the loads; each has labels of its own in the metrics."""

    name: str
    mode: str
    execution: str = "parallel"
    model: str = PACED
    repeats: bool = False
    """Whether a few questions are asked again and again."""
    bare: bool = False
    """Without documents and tools."""
    share: float = 1.0
    """Of the questions and of their pace: reading long answers costs the clients most."""

    def bodies(self, count: int) -> list[dict[str, Any]]:
        """Write the questions."""
        return [
            {
                "query": self._query(number),
                "mode": self.mode,
                "tenant_id": self.name,
                "user_id": "compare",
                "model": self.model,
                "execution": self.execution,
                "enable_rag": not self.bare,
                "enable_tools": not self.bare,
            }
            for number in range(count)
        ]

    def _query(self, number: int) -> str:
        if self.bare:
            return f"How long does review {number} take?"  # no part but the model takes time
        return worded(1 + (number % DIFFERENT if self.repeats else number))

    @property
    def labels(self) -> dict[str, Match]:
        """The labels of its durations."""
        return {"mode": self.mode, "execution": self.execution}


SEQUENTIAL: Final = Load("sequential", "2", execution="sequential")
PARALLEL: Final = Load("parallel", "2")
UNCACHED: Final = Load("cache-off", "1", repeats=True)
CACHED: Final = Load("cache-on", "1", repeats=True)
LONG_ANSWERS: Final = Load("streaming", "4", model=LONG, bare=True, share=0.2)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load took."""

    load: Load
    began: datetime
    ended: datetime
    prometheus: Figures
    clients: Figures


async def measure(
    client: aiohttp.ClientSession,
    at: Scratch,
    loads: Sequence[Load],
    count: int,
    per_second: float,
    tell: Callable[[str], None],
    shown_by: str | None = None,
) -> list[Measured]:
    """Run loads, one after the other.

    :param count: questions of each.
    :param shown_by: the address of a second Prometheus, which has to have seen all of it too.
    :raises LoadFailed: when a question has no answer.
    """
    found = []
    for load in loads:
        asked, pace = round(count * load.share), per_second * load.share
        tell(f"{load.name}: {asked} questions, {pace:g} a second …")
        before = await first_tokens(client, at.prometheus, load.mode)
        began = datetime.now(UTC)
        took = await ask_all(client, at.engine, load.bodies(asked), pace)
        ended = datetime.now(UTC)
        await _scraped(client, at.prometheus, at.engine, load, asked)
        figures = await of_prometheus(client, at.prometheus, load.labels, load.mode, before)
        found.append(Measured(load, began, ended, figures, of_clients(took)))
    if shown_by is not None:
        await _scraped(client, shown_by, at.engine, loads[-1], asked)
    return found


async def _scraped(
    client: aiohttp.ClientSession, prometheus: str, engine: str, load: Load, count: int
) -> None:
    """Wait until a Prometheus has seen all of a load."""
    durations = select(WORKFLOW_DURATION_SECONDS, "count", **load.labels)
    query = sum_by(scoped(durations, f'instance="{urlsplit(engine).netloc}"'))
    try:
        async with asyncio.timeout(SCRAPE_SECONDS):
            while await instant(client, prometheus, query) < count:  # noqa: ASYNC110 - Prometheus tells nobody
                await asyncio.sleep(SCRAPED_SECONDS)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise LoadFailed(f"Prometheus at {prometheus} has not read all of the load {load.name}.") from error
