"""Run the loads, and read what they took."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from vital_ops.compare.client import LoadFailed, Took, ask_all
from vital_ops.compare.figures import Figures, first_tokens, hedged_share, instant, of_clients, of_prometheus
from vital_ops.compare.latencies import HEDGING, worded
from vital_ops.compare.paced import LONG, PACED
from vital_ops.promql import Match, scoped, select, sum_by
from vital_ops.stack.scratch import Scratch
from vital_shared.monitoring.metrics import WORKFLOW_DURATION_SECONDS

__all__ = [
    "ALL_OFF",
    "ALL_ON",
    "CACHED",
    "DIFFERENT",
    "HEDGED",
    "LONG_ANSWERS",
    "PARALLEL",
    "SEQUENTIAL",
    "UNCACHED",
    "UNHEDGED",
    "WARM_UP",
    "FailedLoad",
    "LoadCase",
    "LoadResult",
    "answered_of",
    "measure",
]

DIFFERENT: Final = 10
"""Questions that are asked again and again, where the cache is compared."""

WARM_UP_QUESTIONS: Final = 20

EXPECTED_HITS: Final = 0.6
"""The share of questions asked again where everything is compared at once: the target of the hit rate."""

MAX_FAILED_SHARE: Final = 0.01
"""Questions without an answer, as a share of a load's, above which its figures are not compared."""

SCRAPE_SECONDS: Final = 30.0
SCRAPED_SECONDS: Final = 0.2
"""Between looks whether it has."""


@dataclass(frozen=True, slots=True)
class LoadCase:
    """One of the loads; each has labels of its own in the metrics."""

    name: str
    mode: str
    execution: str = "parallel"
    model: str = PACED
    repeats: bool = False
    """Whether a few questions are asked again and again."""
    hit_share: float = 0.0
    """Share of the questions that were asked before."""
    bare: bool = False
    """Without documents and tools."""
    has_tools: bool = True
    share: float = 1.0
    """The share of the questions and of their pace: reading long answers costs the clients most."""

    def bodies(self, count: int) -> list[dict[str, Any]]:
        """Write the questions."""
        return [
            {
                "query": self._query(number, count),
                "mode": self.mode,
                "tenant_id": self.name,
                "user_id": "compare",
                "model": self.model,
                "execution": self.execution,
                "enable_rag": not self.bare,
                "enable_tools": self.has_tools and not self.bare,
            }
            for number in range(count)
        ]

    def _query(self, number: int, count: int) -> str:
        if self.bare:
            return f"How long does review {number} take?"  # no part but the model takes time
        different = DIFFERENT if self.repeats else max(1, round(count * (1 - self.hit_share)))
        return worded(1 + number % different)

    @property
    def labels(self) -> dict[str, Match]:
        """The labels of its durations."""
        return {"mode": self.mode, "execution": self.execution}


SEQUENTIAL: Final = LoadCase("sequential", "2", execution="sequential")
PARALLEL: Final = LoadCase("parallel", "2")
UNCACHED: Final = LoadCase("cache-off", "1", repeats=True)
CACHED: Final = LoadCase("cache-on", "1", repeats=True)
ALL_OFF: Final = LoadCase("all-off", "1", execution="sequential", hit_share=EXPECTED_HITS)
ALL_ON: Final = LoadCase("all-on", "2", hit_share=EXPECTED_HITS)
WARM_UP: Final = LoadCase(f"{HEDGING}-warm-up", "4", execution="sequential", has_tools=False)
"""Asked of each engine before its loads: the first questions load what all others have at hand."""
UNHEDGED: Final = LoadCase(f"{HEDGING}-off", "3", has_tools=False)
HEDGED: Final = LoadCase(f"{HEDGING}-on", "3", has_tools=False)
LONG_ANSWERS: Final = LoadCase("streaming", "4", model=LONG, bare=True, share=0.2)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The measurements of a load."""

    load: LoadCase
    began: datetime
    ended: datetime
    prometheus: Figures
    clients: Figures
    failures: tuple[str, ...] = ()
    """The reason of each question without an answer."""
    hedged_share: float = 0.0
    """The share of the searches that were made a second time."""


@dataclass(frozen=True, slots=True)
class FailedLoad:
    """A load whose figures cannot be compared."""

    load: LoadCase
    reason: str


async def measure(
    client: aiohttp.ClientSession,
    at: Scratch,
    loads: Sequence[LoadCase],
    count: int,
    per_second: float,
    report: Callable[[str], None],
    shown_by: str | None = None,
) -> list[LoadResult | FailedLoad]:
    """Run loads, one after the other; one that fails does not end the others.

    :param count: questions of each.
    :param shown_by: the address of a second Prometheus, which has to have seen all of it too.
    :raises LoadFailed: when the engine does not answer, or the second Prometheus has not seen it.
    """
    found: list[LoadResult | FailedLoad] = []
    answered_of(await ask_all(client, at.engine, WARM_UP.bodies(WARM_UP_QUESTIONS), per_second))
    for load in loads:
        try:
            found.append(await _measure(client, at, load, count, per_second, report))
        except (LoadFailed, aiohttp.ClientError, TimeoutError) as error:
            found.append(FailedLoad(load, str(error) or type(error).__name__))
    if shown_by is not None and isinstance(last := found[-1], LoadResult):
        answered = round(count * last.load.share) - len(last.failures)
        await _scraped(client, shown_by, at.engine, last.load, answered)
    return found


async def _measure(
    client: aiohttp.ClientSession,
    at: Scratch,
    load: LoadCase,
    count: int,
    per_second: float,
    report: Callable[[str], None],
) -> LoadResult:
    asked, pace = round(count * load.share), per_second * load.share
    report(f"{load.name}: {asked} questions, {pace:g} a second …")
    before = await first_tokens(client, at.prometheus, load.mode)
    began = datetime.now(UTC)
    answers = await ask_all(client, at.engine, load.bodies(asked), pace)
    ended = datetime.now(UTC)
    took, failures = answered_of(answers)
    await _scraped(client, at.prometheus, at.engine, load, len(took))
    figures = await of_prometheus(client, at.prometheus, load.labels, load.mode, before)
    hedged = await hedged_share(client, at.prometheus)
    return LoadResult(load, began, ended, figures, of_clients(took), failures, hedged)


def answered_of(answers: Sequence[Took | LoadFailed]) -> tuple[list[Took], tuple[str, ...]]:
    """Part the answers from the reasons of those that failed.

    :raises LoadFailed: when there are too many of these for the others to stand for the load.
    """
    took = [each for each in answers if isinstance(each, Took)]
    failures = tuple(str(each) for each in answers if isinstance(each, LoadFailed))
    if len(failures) > MAX_FAILED_SHARE * len(answers):
        (reason, _), *_ = Counter(failures).most_common(1)
        raise LoadFailed(f"{len(failures)} of {len(answers)} questions had no answer. Most often: {reason}")
    return took, failures


async def _scraped(
    client: aiohttp.ClientSession, prometheus: str, engine: str, load: LoadCase, count: int
) -> None:
    """Wait until a Prometheus has seen all of a load."""
    durations = select(WORKFLOW_DURATION_SECONDS, "count", **load.labels)
    query = sum_by(scoped(durations, f'instance="{urlsplit(engine).netloc}"'))
    try:
        async with asyncio.timeout(SCRAPE_SECONDS):
            while await instant(client, prometheus, query) < count:  # noqa: ASYNC110 - Prometheus notifies nobody
                await asyncio.sleep(SCRAPED_SECONDS)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise LoadFailed(f"Prometheus at {prometheus} has not read all of the load {load.name}.") from error
