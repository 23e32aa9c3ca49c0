"""Tests of a sudden spike of costs: beside an hour before, and beside the same hour a day or week before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from vital_ops.promql import select
from vital_ops.rules.case import Case, Check, Phase, SeriesPhases, engine_of, flat, lines, times
from vital_ops.rules.outage_tests import STILL_ENGINE, outages
from vital_ops.rules.timing import Timing
from vital_ops.thresholds import Threshold
from vital_shared.monitoring.metrics import COST_OVERALL_DOLLARS_TOTAL

__all__ = ["spike"]

ABOVE: Final = 1.1
"""A value that fires, as a multiple of the limit."""

JUST_ABOVE, JUST_BELOW = 1.02, 0.98
"""Values that fire, and that must not, as near as Prometheus 2 and 3 agree."""

USUAL_IN_FLOORS: Final = 20.0
"""The usual pace, in terms of the least that an alert is worth; unlike what a new engine may spend."""

NEXT_TO_NOTHING: Final = 0.1

SEASON_STEP_MINUTES: Final = 10.0
"""Minutes between evaluations over a day or a week."""

DEAR_STEP_MINUTES: Final = 5.0
"""Minutes between evaluations where ten are too many."""

EXACT_DOLLARS: Final = 2_400.0
"""Dollars a minute, of which each share is exact in whatever order Prometheus adds up."""

CALM_MINUTES: Final = 120.0
PEAK_MINUTES: Final = 10.0


def spike(at: Threshold) -> Iterator[Case]:
    """Make all cases."""
    usual = USUAL_IN_FLOORS * at.least_dollars_per_hour / 60
    yield from _beside_an_hour_before(at, usual)
    yield from _unknown_usual(at)
    yield from _same_hour(at, usual)
    yield from _dear_day(at, usual)
    yield _at_the_limit(at)
    new = at.unknown_dollars_per_hour * at.value * ABOVE / 60
    yield from outages(Timing.of(at), _case, new, new / 4, onset=at.window / 60 / ABOVE)


def _case(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
    up = engine_of(phases)
    still = flat((up.minutes, 0))
    return Case(name, {**_spent(phases), STILL_ENGINE: still}, checks, up)


def _spent(phases: Sequence[Phase]) -> dict[str, SeriesPhases]:
    """Divide dollars a minute between models and tools."""
    models = select(COST_OVERALL_DOLLARS_TOTAL, mode="2", cost_type="llm")
    tools = select(COST_OVERALL_DOLLARS_TOTAL, mode="1", cost_type="tools")
    return {models: lines(*times(phases, 0.7)), tools: lines(*times(phases, 0.3))}


def _beside_an_hour_before(at: Threshold, usual: float) -> Iterator[Case]:
    """Spend more than an hour before, which was unlike two hours before."""
    timing = Timing.of(at)
    hour, calm = at.before / 60, at.before / 60 + timing.window + 20
    began, firing = hour + calm, hour + calm + timing.there

    def case(name: str, each_minute: float, factor: float, *checks: Check, earlier: float = 10) -> Case:
        return _case(
            name,
            (hour, each_minute * earlier),
            (calm, each_minute),
            (timing.there, each_minute * factor),
            (timing.full, each_minute),
            checks=checks,
        )

    above, below = at.value * JUST_ABOVE, at.value * JUST_BELOW
    over = firing + timing.full - 1
    yield case("fires just above", usual, above, (began, False), (firing, True), (over, False))
    yield case("does not fire just below", usual, below, (firing, False), earlier=0.1)
    full = timing.window * (at.value - 1) / (at.value * ABOVE - 1)
    fires = began + full + timing.hold
    yield case(
        "fires in its time",
        *(usual, at.value * ABOVE, (fires, False), (fires + 3, True), (over, False)),
    )
    few = NEXT_TO_NOTHING * at.least_dollars_per_hour / 60
    for name, part, is_enough in (("next to nothing", JUST_BELOW, False), ("just enough", JUST_ABOVE, True)):
        does = "fires" if is_enough else "does not fire"
        yield case(f"{does} on what costs {name}", few, part / NEXT_TO_NOTHING, (firing, is_enough))


def _unknown_usual(at: Threshold) -> Iterator[Case]:
    """Test a new engine, of which nothing is known: a day's limit by the hour is the usual."""
    limit, there = at.value * at.unknown_dollars_per_hour / 60, Timing.of(at).there
    for name, factor, fires in (
        ("that spends too fast", JUST_ABOVE, True),
        ("within limits", JUST_BELOW, False),
    ):
        does = "fires" if fires else "does not fire"
        yield _case(f"{does} on a new engine {name}", (there, limit * factor), checks=[(there, fires)])


def _same_hour(at: Threshold, idle: float) -> Iterator[Case]:
    """Spend as much as for ten minutes a day or a week before, less or more than half an hour from that time.

    Half an hour to the minute is left out, since Prometheus 2 and 3 differ in whether it counts.
    """
    busy = idle * at.value * 2
    for name, back in (("yesterday", at.day / 60), ("a week ago", at.week / 60)):
        peak = CALM_MINUTES + PEAK_MINUTES
        again = peak + back

        def case(does: str, begins: float, *checks: Check, back: float = back, name: str = name) -> Case:
            """Begin to spend some minutes before or after the time of the peak."""
            idle_again = back - 2 * CALM_MINUTES + begins
            phases: list[Phase] = [(CALM_MINUTES, idle), (PEAK_MINUTES, busy), (CALM_MINUTES, idle)]
            phases += [(idle_again, None), (CALM_MINUTES, idle), (CALM_MINUTES, busy)]
            series = _spent([(minutes - 1, pace) for minutes, pace in phases])  # each has a sample more
            up = flat((CALM_MINUTES * 4 + back, 1))
            return Case(f"{does} {name}", series, checks, up, every=SEASON_STEP_MINUTES)

        yield case(
            "is quiet from half an hour before the time at which it was as dear",
            *(-60, (again - 40, True), (again - 20, False), (again, False), (again + 10, False)),
        )
        yield case(
            "fires from half an hour after the time at which it was as dear",
            *(-10, (again + 10, False), (again + 20, False), (again + 50, True)),
        )


def _dear_day(at: Threshold, idle: float) -> Iterator[Case]:
    """Spend more than an hour before allows, and less than a dear moment a day or week before does.

    That moment counts for an hour, which is measured to five minutes.
    """
    for name, back in (("yesterday", at.day / 60), ("a week ago", at.week / 60)):
        again = CALM_MINUTES + PEAK_MINUTES + back
        dear, now = idle * at.value * 2, idle * at.value * 3
        phases: list[Phase] = [(CALM_MINUTES, idle), (PEAK_MINUTES, dear), (CALM_MINUTES, idle)]
        phases += [(back - 2 * CALM_MINUTES - 10, None), (CALM_MINUTES, idle), (CALM_MINUTES, now)]
        series = _spent([(minutes - 1, pace) for minutes, pace in phases])  # each has a sample more
        checks = [(again + 10, False), (again + 35, False), (again + 50, True)]
        up = flat((CALM_MINUTES * 4 + back, 1))
        yield Case(
            f"is quiet for an hour by a dear moment {name}", series, checks, up, every=DEAR_STEP_MINUTES
        )


def _at_the_limit(at: Threshold) -> Case:
    """Stay at a limit, with numbers of which neither Prometheus 2 nor 3 makes another by rounding."""
    timing = Timing.of(at)
    lasts, before = timing.there + 4 * timing.exact_step, at.before / 60 + timing.window
    twice = _case(
        "does not fire at twice the hour before itself",
        *((before, EXACT_DOLLARS), (lasts, EXACT_DOLLARS * at.value)),
        checks=[(before + lasts, False)],
    )
    return replace(twice, every=timing.exact_step, is_exact=True)
