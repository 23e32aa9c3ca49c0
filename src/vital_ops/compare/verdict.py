"""Hold what was measured against what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vital_ops.compare.compare import Measured

__all__ = ["Line", "compared", "perceived"]

EXPECTED: Final = {"average": (0.30, 0.50), "P95": (0.30, 0.50), "P99": (0.20, 0.50)}
"""Of running nodes in parallel, how much less: 30 to 50 %, about 40 % and about 30 %."""

PERCEIVED: Final = 10.0
"""An answer that streams should be there so many times as soon."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    what: str
    before: float
    """Seconds, by Prometheus."""
    after: float
    change: float
    """The share that is saved; of streaming, how many times as soon."""
    verdict: str


def compared(before: Measured, after: Measured, *, expected: bool) -> Iterator[Line]:
    """Compare two runs of a load.

    :param expected: whether there is an expectation; without, less is better.
    """
    rows = {
        "average": (before.prometheus.average, after.prometheus.average),
        "P95": (before.prometheus.p95, after.prometheus.p95),
        "P99": (before.prometheus.p99, after.prometheus.p99),
    }
    for what, (first, second) in rows.items():
        saved = 1 - second / first
        yield Line(what, first, second, saved, _verdict(saved, EXPECTED[what] if expected else (0, 1)))


def perceived(streamed: Measured) -> Line:
    """Compare when an answer is whole with when it begins."""
    total, first = streamed.prometheus.average, streamed.prometheus.first_token
    times = total / first
    return Line(
        "whole answer, first word", total, first, times, "met" if times >= PERCEIVED * 0.9 else "missed"
    )


def _verdict(saved: float, expected: tuple[float, float]) -> str:
    least, most = expected
    return "missed" if saved < least else "met" if saved <= most else "better than expected"
