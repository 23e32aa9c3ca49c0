"""Hold what was measured against what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from vital_ops.compare.compare import LoadResult

__all__ = [
    "OF_ALL",
    "OF_CACHE",
    "OF_HEDGING",
    "OF_PARALLEL",
    "VerdictLine",
    "compared",
    "cumulated",
    "perceived",
]

Expected: TypeAlias = Mapping[str, tuple[float, float]]
"""The expected reduction, at least and at most: shares."""

OF_PARALLEL: Final[Expected] = {"average": (0.30, 0.50), "P95": (0.35, 0.45), "P99": (0.25, 0.35)}
"""The reduction by running nodes in parallel: 30 to 50 %, about 40 % and about 30 %."""

OF_CACHE: Final[Expected] = {"average": (0.6, 1.0), "P95": (0.6, 1.0), "P99": (0.0, 1.0)}
"""The reduction by the cache: over 60 % of the calls. The first request, and those beside it, wait."""

OF_HEDGING: Final[Expected] = {"average": (0.0, 1.0), "P95": (0.0, 1.0), "P99": (0.3, 1.0)}
"""The reduction by hedged searches: 30 % of the slowest in a hundred, and nothing is slower for it."""

OF_ALL: Final = (0.5, 0.7)
"""The reduction by parallel nodes, the cache and streaming together."""

PERCEIVED: Final = 10.0
"""The factor by which an answer that streams should be there sooner."""


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One line of the table."""

    what: str
    before: float
    """Seconds, by Prometheus."""
    after: float
    change: float
    """The share that is saved; of streaming, how many times as soon."""
    verdict: str


def compared(before: LoadResult, after: LoadResult, expected: Expected) -> Iterator[VerdictLine]:
    """Compare two runs of a load."""
    rows = {
        "average": (before.prometheus.average, after.prometheus.average),
        "P95": (before.prometheus.p95, after.prometheus.p95),
        "P99": (before.prometheus.p99, after.prometheus.p99),
    }
    for what, (first, second) in rows.items():
        saved = 1 - second / first
        yield VerdictLine(what, first, second, saved, _verdict(saved, expected[what]))


def cumulated(before: LoadResult, after: LoadResult) -> Iterator[VerdictLine]:
    """Compare everything off with everything on.

    Without streaming a reader waits for the whole answer, so its first word is held against that.
    """
    whole = before.prometheus.average
    for what, seconds in (
        ("average", after.prometheus.average),
        ("average until the first word", after.prometheus.first_token),
    ):
        saved = 1 - seconds / whole
        yield VerdictLine(what, whole, seconds, saved, _verdict(saved, OF_ALL))


def perceived(streamed: LoadResult) -> VerdictLine:
    """Compare when an answer is whole with when it begins."""
    total, first = streamed.prometheus.average, streamed.prometheus.first_token
    times = total / first
    met = round(times) >= PERCEIVED
    return VerdictLine("whole answer, first word", total, first, times, "met" if met else "missed")


def _verdict(saved: float, expected: tuple[float, float]) -> str:
    least, most = expected
    return "missed" if saved < least else "met" if saved <= most else "better than expected"
