"""The figures of a load: as Prometheus has them, and by the clients' own clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final, NamedTuple

import aiohttp

from vital_ops.compare.latencies import FIRST_SOURCE, SECOND_SOURCE
from vital_ops.promql import Match, scoped, select, sum_by
from vital_shared.monitoring.metrics import (
    CACHED_FIRST_TOKEN_SECONDS,
    RAG_DURATION_SECONDS,
    RAG_HEDGES_TOTAL,
    TIME_TO_FIRST_TOKEN_SECONDS,
    WORKFLOW_DURATION_SECONDS,
)

__all__ = [
    "SHARES",
    "Figures",
    "FirstTokens",
    "first_tokens",
    "hedged_share",
    "instant",
    "of_clients",
    "of_prometheus",
]

SHARES: Final = (0.95, 0.99)

QUERY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds."""

    average: float
    p95: float
    p99: float
    first_token: float
    """The average."""


class FirstTokens(NamedTuple):
    """The sums of a histogram of first tokens; it does not distinguish loads of one mode."""

    seconds: float = 0.0
    answers: float = 0.0


async def first_tokens(client: aiohttp.ClientSession, prometheus: str, mode: str) -> FirstTokens:
    """Read how long all first tokens of a mode took so far, those of cached answers included."""
    metrics = (TIME_TO_FIRST_TOKEN_SECONDS, CACHED_FIRST_TOKEN_SECONDS)
    parts = [
        [await instant(client, prometheus, sum_by(select(metric, part, mode=mode))) for metric in metrics]
        for part in ("sum", "count")
    ]
    return FirstTokens(*map(sum, parts))


async def of_prometheus(
    client: aiohttp.ClientSession,
    prometheus: str,
    durations: dict[str, Match],
    mode: str,
    before: FirstTokens,
) -> Figures:
    """Read the histograms. The engine was new when it began: all that it has counted is the loads.

    :param durations: labels of the load's durations, which no other load has.
    :param before: the first tokens of loads before it.
    """
    labelled = WORKFLOW_DURATION_SECONDS
    buckets = sum_by(select(labelled, "bucket", **durations), "le")
    mean = (
        f"{sum_by(select(labelled, 'sum', **durations))} / {sum_by(select(labelled, 'count', **durations))}"
    )
    queries = (mean, *(f"histogram_quantile({share}, {buckets})" for share in SHARES))
    average, p95, p99 = [await instant(client, prometheus, query) for query in queries]
    after = await first_tokens(client, prometheus, mode)
    first = (after.seconds - before.seconds) / (after.answers - before.answers)
    return Figures(average, p95, p99, first)


async def hedged_share(client: aiohttp.ClientSession, prometheus: str) -> float:
    """Read the share of the searches of both sources so far that were made a second time."""
    hedges = sum_by(select(RAG_HEDGES_TOTAL, outcome=("won", "lost", "failed")))
    sources = select(RAG_DURATION_SECONDS, "count", source=(FIRST_SOURCE, SECOND_SOURCE))
    searches = await instant(client, prometheus, sum_by(sources))
    return await instant(client, prometheus, hedges) / searches if searches else 0.0


def of_clients(took: Sequence[tuple[float, float]]) -> Figures:
    """Take the clients' own figures."""
    totals = sorted(total for total, _ in took)
    # The first at which the share is reached, as histogram_quantile() counts: in a tail the next is far.
    p95, p99 = (totals[ceil(round(len(totals) * share, 6)) - 1] for share in SHARES)
    return Figures(sum(totals) / len(totals), p95, p99, sum(first for _, first in took) / len(took))


async def instant(client: aiohttp.ClientSession, prometheus: str, query: str) -> float:
    """Ask Prometheus for one value; 0 where there is none."""
    timeout = aiohttp.ClientTimeout(QUERY_SECONDS)
    async with client.get(
        f"{prometheus}/api/v1/query", params={"query": scoped(query, "")}, timeout=timeout
    ) as response:
        result = (await response.json())["data"]["result"]
    return float(result[0]["value"][1]) if result else 0.0
