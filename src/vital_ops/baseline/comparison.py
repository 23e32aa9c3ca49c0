"""Hold a period against a baseline: each figure with its interval and a verdict in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from vital_ops.baseline.estimate import IntervalEstimate, difference, mean, quantile, share
from vital_ops.baseline.period_figures import PeriodFigures
from vital_ops.report.counts import Moments
from vital_shared.models.base import Frozen

__all__ = ["Figure", "Verdict", "compare_periods", "estimates"]

Verdict = Literal["better", "worse", "no clear difference", "too little data"]
Unit = Literal["seconds", "dollars", "share", "score"]

MIN_COUNT: Final = 30
"""Values below which a mean or a share says too little."""

MIN_BEYOND: Final = 5
"""Durations that have to lie beyond a quantile, on its shorter side."""


class Figure(Frozen):
    """A figure of two periods."""

    name: str
    unit: Unit
    before: IntervalEstimate | None
    after: IntervalEstimate | None
    """None: there is too little data."""

    change: IntervalEstimate | None
    """Later value less earlier one."""

    verdict: Verdict


def compare_periods(before: PeriodFigures, after: PeriodFigures) -> tuple[Figure, ...]:
    """Compare each figure of two periods."""
    return tuple(
        _compare(name, unit, earlier, later, rises=rises)
        for (name, unit, rises, earlier), (_, _, _, later) in zip(
            estimates(before), estimates(after), strict=True
        )
    )


def estimates(figures: PeriodFigures) -> Iterator[tuple[str, Unit, bool, IntervalEstimate | None]]:
    """Estimate each figure: name, unit, whether more is better, and what there is enough data for."""
    requests = figures.requests
    durations = requests.durations
    yield "average latency", "seconds", False, _mean(requests.duration)
    for at in (0.5, 0.95, 0.99):
        enough = durations.total * min(at, 1 - at) >= MIN_BEYOND and durations.total >= MIN_COUNT
        yield f"P{100 * at:g} latency", "seconds", False, quantile(durations, at) if enough else None
    yield "cost per request", "dollars", False, _mean(figures.cost)
    yield "cache hit rate", "share", True, _share(requests.hits, requests.looked_up)
    calls = figures.calls_made + figures.calls_spared
    yield "LLM calls saved", "share", True, _share(figures.calls_spared, calls)
    yield "quality score", "score", True, _mean(requests.quality)
    yield "error rate", "share", False, _share(requests.failed, requests.ended)
    yield "degradation rate", "share", False, _share(requests.degraded, requests.ended)


def _compare(
    name: str, unit: Unit, before: IntervalEstimate | None, after: IntervalEstimate | None, *, rises: bool
) -> Figure:
    if before is None or after is None:
        return Figure(
            name=name, unit=unit, before=before, after=after, change=None, verdict="too little data"
        )
    change = difference(before, after)
    return Figure(
        name=name, unit=unit, before=before, after=after, change=change, verdict=_verdict(change, rises=rises)
    )


def _verdict(change: IntervalEstimate, *, rises: bool) -> Verdict:
    if change.low > 0:
        return "better" if rises else "worse"
    if change.high < 0:
        return "worse" if rises else "better"
    return "no clear difference"


def _mean(moments: Moments) -> IntervalEstimate | None:
    return mean(moments) if moments.count >= MIN_COUNT else None


def _share(part: int, whole: int) -> IntervalEstimate | None:
    return share(part, whole) if whole >= MIN_COUNT else None
