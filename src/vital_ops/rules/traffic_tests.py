"""Tests of traffic that has dropped, beside the same hour a week before, a day before, or the hour before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from vital_ops.promql import select
from vital_ops.rules.case import Case, Check, Phase, SeriesPhases, engine_of, flat, lines, times
from vital_ops.rules.outage_tests import STILL_ENGINE, outages
from vital_ops.rules.shapes import on
from vital_ops.rules.timing import Timing
from vital_ops.thresholds import Threshold
from vital_shared.monitoring.metrics import WORKFLOW_REQUESTS_OVERALL_TOTAL

__all__ = ["dropped_traffic"]

BUSY: Final = 600.0
"""Requests a minute."""

EXACT: Final = 24_000.0
"""Requests a minute, of which a share is exact in whatever order Prometheus adds up."""

BELOW: Final = 0.9
"""A value that fires, as a multiple of the limit."""

JUST_ABOVE, JUST_BELOW = 1.02, 0.98
"""Values that must not fire, and that fire, as near as Prometheus 2 and 3 agree."""

SEASON_STEP_MINUTES: Final = 10.0
"""Minutes between evaluations over a day or a week."""


def dropped_traffic(at: Threshold) -> Iterator[Case]:
    """Make all cases."""
    yield from _beside_an_hour_before(at)
    yield from _beside_other_days(at)
    yield from _outages(at)


def _requests(outcome: str, mode: str) -> str:
    return select(WORKFLOW_REQUESTS_OVERALL_TOTAL, mode=mode, outcome=outcome)


def _series(phases: Sequence[Phase]) -> dict[str, SeriesPhases]:
    counted = {
        _requests("success", "1"): 0.5,
        _requests("degraded", "2"): 0.3,
        _requests("failed", "3"): 0.2,
        _requests("cancelled", "1"): 5.0,
        _requests("rejected", "1"): 5.0,
    }
    return {name: lines(*times(phases, share)) for name, share in counted.items()}


def _case(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
    up = engine_of(phases)
    return Case(name, {**_series(phases), STILL_ENGINE: flat((up.minutes, 0))}, checks, up)


def _beside_an_hour_before(at: Threshold) -> Iterator[Case]:
    """Let traffic drop below what it was an hour before, and unlike what it was two hours before."""
    timing = Timing.of(at)
    hour, full = at.before / 60, timing.full
    began, lasts = 2 * hour + full, hour - 5

    def case(name: str, usual: float, less: float, *checks: Check, earlier: float = 10) -> Case:
        phases = ((hour, usual * earlier), (hour + full - 2, usual), (lasts, less), (full, usual))
        return _case(name, *phases, checks=checks)

    limit, late = BUSY * at.value, began + lasts
    below = case(
        "fires below a fifth of the hour before, and is over when it is back",
        *(BUSY, limit * JUST_BELOW),
        *((began, False), (began + timing.there, True), (late - 1, True), (late + full, False)),
        earlier=0,
    )
    yield below
    yield replace(below, name=f"{below.name}, where Prometheus watches nothing else", is_alone=True)
    yield case("does not fire just above", BUSY, limit * JUST_ABOVE, (late - 1, False))
    gone = began + timing.window + timing.hold
    yield case("fires in its time when all is gone", BUSY, 0, (gone - 5, False), (gone + 2, True))
    itself = EXACT, EXACT * at.value
    yield _exactly(at, "does not fire at a fifth of the hour before itself", *itself, fires=False)
    least = _exactly(
        at, "fires where there was the least traffic itself", at.least_events / 60, 0, fires=True
    )
    # Of one series alone, since the shares of several are rounded.
    only = _requests("success", "1")
    yield replace(least, series={on(only, "one:8000"): least.series[only].times(2)})
    for name, part, is_enough in (("little", 0.97, False), ("just enough", 1.04, True)):
        does = "fires" if is_enough else "does not fire"
        few = part * at.least_events / 60
        yield case(f"{does} where there was {name} traffic", few, 0, (late - 1, is_enough))


def _exactly(at: Threshold, name: str, usual: float, less: float, *, fires: bool) -> Case:
    """Stay at a limit, with numbers of which neither Prometheus 2 nor 3 makes another by rounding."""
    timing = Timing.of(at)
    every, lasts = timing.exact_step, at.before / 60 - 2 * timing.exact_step
    made = _case(
        name,
        (at.before / 60 + timing.full, usual),
        (lasts, less),
        checks=[(at.before / 60 + timing.full + lasts, fires)],
    )
    return replace(made, every=every, is_exact=True)


def _beside_other_days(at: Threshold) -> Iterator[Case]:
    """Prefer a week before to a day before, and that to an hour before: for the limit, and for the least."""
    less, usual = 0.1 * BUSY * at.value, BUSY
    much, few = 10 * usual, BELOW * at.least_events / 60
    same, more = BELOW * less, less / at.value / BELOW
    for name, week, day, hour, now, fires in (
        ("fires where a week before was busy, though nothing since", usual, same, same, less, True),
        ("does not fire where a week before was as quiet", same, usual, usual, less, False),
        ("does not fire where a week before was nearly as quiet", more * 0.8, much, much, less, False),
        ("does not fire where there was little a week before", few, much, much, 0, False),
        ("fires where yesterday was busy, though not the hour before", None, usual, same, less, True),
        ("does not fire where yesterday was as quiet", None, same, usual, less, False),
        ("does not fire where there was little yesterday", None, few, much, 0, False),
    ):
        yield _season(at, name, week, day, hour, now, fires=fires)
    lately = _season(at, "", None, usual, usual, less, fires=True)
    before = at.day / 60 + 20
    up = flat((before, 1), (20, 0), (120, 1))
    yield replace(lately, name="fires though no engine was up an hour before", engine=up)


def _season(
    at: Threshold,
    name: str,
    week: float | None,
    day: float | None,
    hour: float,
    now: float,
    *,
    fires: bool,
) -> Case:
    """Let there be two hours of traffic around the same time of each day that counts, and none between."""
    around, back = 120.0, at.week / 60 if week is not None else at.day / 60
    phases: list[Phase] = []
    if week is not None:
        phases += [(around, week), ((at.week - at.day) / 60 - around, None)]
    if day is not None:
        phases += [(around, day), (at.day / 60 - around, None)]
    phases += [(60, hour), (60, now)]
    series = _series([(minutes - 1, pace) for minutes, pace in phases])  # each has a sample more
    up = flat((back + around, 1))
    return Case(name, series, [(back + around - 10, fires)], up, every=SEASON_STEP_MINUTES)


def _outages(at: Threshold) -> Iterator[Case]:
    """Put an hour of usual traffic before an outage, which the alert compares with."""
    timing = Timing.of(at)
    lead = at.before / 60 + timing.full

    def case(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
        """Leave out checks so late that the hour before is no better."""
        known = [(minute, fires) for minute, fires in checks if not fires or minute < at.before / 60]
        shifted = [(lead + minute, fires) for minute, fires in known]
        return _case(name, (lead - 1, BUSY), *phases, checks=shifted)

    outage, low = 10.0, BUSY * at.value * 0.5
    made = outages(timing, case, low, BUSY, onset=timing.window, onset_is_exact=False)
    yield from (each for each in made if each.checks)
    back = lead + outage + timing.window + timing.hold
    yield _case(
        "fires in its time after an outage, and not for the outage",
        *((lead, BUSY), (outage, None), (timing.there, low)),
        checks=[(lead + outage, False), (back - 3, False), (back + 5, True)],
    )
