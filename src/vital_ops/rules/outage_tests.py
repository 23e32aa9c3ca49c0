"""Tests of what an alert does while no engine is up, and afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Protocol

from vital_ops.rules.case import ENGINE, Case, Check, Phase, flat
from vital_ops.rules.outage import ENGINES_UP
from vital_ops.rules.timing import Timing

__all__ = [
    "EVALUATION_MINUTES",
    "LONG_WINDOW_MINUTES",
    "SCRAPE_MINUTES",
    "SELDOM_MINUTES",
    "STILL_ENGINE",
    "UNREAD_MINUTE",
    "MakeCase",
    "failed_scrapes",
    "outages",
    "pending_through_failed_scrapes",
    "unknown_engine",
]

OUTAGES: Final = (1, 10, 60)
"""Minutes without an engine."""

SOON_MINUTES: Final = 9.0
"""Minutes of an outage that follows at once."""

CALM_MINUTES: Final = 12.0
LATER_MINUTES: Final = 15.0

LONG_SETTLED_MINUTES: Final = 60.0
"""A time after an outage that is too long for a test with an evaluation every few seconds."""

LONG_WINDOW_MINUTES: Final = 1_440.0
"""A window over which one outage is tested, since each test takes long."""

SCRAPE_MINUTES: Final = 1 / 6
SELDOM_MINUTES: Final = 1.0
"""Minutes between scrapes, the usual ones and rare ones."""

READ_MINUTES: Final = 8 * SCRAPE_MINUTES
"""Minutes of nine scrapes."""

EVALUATION_MINUTES: Final = 1 / 3
"""Minutes between evaluations, some of which have no scrape since the last one."""

UNREAD_MINUTE: Final = SELDOM_MINUTES + 2 * EVALUATION_MINUTES
"""An evaluation of which the last scrape, where they are rare, is older than the tolerated gap."""

STILL_ENGINE: Final = ENGINE.replace("one:8000", "still:8000")
"""A replica that is down all the time; the alert is about the others."""


class MakeCase(Protocol):
    """A maker of cases from the phases of their faults."""

    def __call__(self, name: str, *phases: Phase, checks: Sequence[Check]) -> Case: ...


def outages(
    timing: Timing,
    case: MakeCase,
    bad: float,
    fine: float,
    *,
    onset: float = 0,
    step: float | None = None,
    onset_is_exact: bool = True,
) -> Iterator[Case]:
    """Let the engine die: what fires goes on until it is back, and what is pending does not page.

    :param onset: minutes of a fault after which the condition holds.
    :param step: minutes between evaluations, where they differ from those between samples.
    :param onset_is_exact: the condition holds no sooner, so that the engine can die just before it fires.
    """
    window, settled, there = timing.window, timing.settled, timing.there
    late = 2 * timing.step
    over = (settled if window == settled else window) + late
    lasting = [(settled - (step or 1), True)] if settled > 3 else []
    for minutes in OUTAGES if window < LONG_WINDOW_MINUTES else OUTAGES[-1:]:
        gone = there + minutes
        yield case(
            f"goes on firing while the engine is down for {minutes} minutes, and is over when the fault is",
            *((there, bad), (minutes, None), (timing.full, fine)),
            checks=[
                *((there, True), (there + minutes / 2, True), (gone, True)),
                *((gone + after, fires) for after, fires in (*lasting, (over, False))),
            ],
        )
        yield case(
            f"goes on firing when the engine is back after {minutes} minutes and the fault is still there",
            *((there, bad), (minutes, None), (there, bad)),
            checks=[
                *((gone, True), (gone + settled / 2, True), (gone + window, True), (gone + there, True)),
            ],
        )
    if timing.hold:
        pending = onset + timing.hold / 2
        yield case(
            "does not fire when the engine dies before its time",
            *((pending, bad), (there, None)),
            checks=[(pending + timing.hold, False), (pending + there, False)],
        )
    ended = case(
        "is over when the fault is, where all engines are up",
        *((there, bad), (timing.full, fine)),
        checks=[(there, True), (there + window + late, False)],
    )
    well = {name: line for name, line in ended.series.items() if name != STILL_ENGINE}
    yield replace(ended, series=well)
    yield replace(ended, series=well, name=f"{ended.name} and there are no others", is_alone=True)
    yield from _no_engine(timing, case, bad, fine, [*lasting, (over, False)])
    if window < LONG_WINDOW_MINUTES:
        yield from failed_scrapes(
            timing.exact_hold, settled, case, bad, fine, onset=onset, onset_is_exact=onset_is_exact
        )
    if onset_is_exact and window < LONG_WINDOW_MINUTES:
        yield from _at_once(timing, case, bad, fine, math.ceil(onset))


def _at_once(timing: Timing, case: MakeCase, bad: float, fine: float, onset: int) -> Iterator[Case]:
    """Let the engine die just after the alert fires, and just before: how it was does not count.

    :param onset: minutes of the fault after which the condition holds.
    """
    fires = onset + timing.hold
    began = fires + 3 * timing.step
    yield case(
        "goes on firing when the engine dies just after it began to fire",
        *((began, bad), (SOON_MINUTES, None)),
        checks=[(began + minutes, True) for minutes in (0, SOON_MINUTES / 2, SOON_MINUTES - 1)],
    )
    pending = max(fires - 2 * timing.step, 0)
    calm = 0 if pending else CALM_MINUTES
    dies = calm + pending
    before = [(calm, fine)] if calm else [(pending, bad)]
    never = [(dies + minutes, False) for minutes in range(1, round(LATER_MINUTES))]
    if pending:
        name = "does not fire when the engine dies just before its time"
        yield case(name, *before, (LATER_MINUTES, None), checks=never)
    counted = case(
        "does not fire on what is counted while no engine is up", *before, (LATER_MINUTES, bad), checks=never
    )
    if counted.engine:
        yield replace(counted, engine=flat((dies, 1), (LATER_MINUTES, 0)))


def pending_through_failed_scrapes(hold: float, case: MakeCase, bad: float, onset: float) -> Iterator[Case]:
    """Let two scrapes of eleven fail, again and again: an alert fires in its time, and goes on firing.

    :param onset: minutes of a fault after which the condition holds.
    """
    fires = math.ceil(onset) + hold + 2
    each_round = ((READ_MINUTES, bad), (SCRAPE_MINUTES, None))
    rounds = math.ceil((fires + 2) / (READ_MINUTES + 3 * SCRAPE_MINUTES))  # each phase has a sample more
    made = case(
        "fires in its time, and goes on firing, though two scrapes of eleven fail",
        *(each_round * (rounds + 1)),
        checks=[(fires + number * SCRAPE_MINUTES, True) for number in range(12)],
    )
    unread = {name: replace(line, goes_on=True) for name, line in made.series.items()}
    yield replace(made, series=unread, every=SCRAPE_MINUTES)


def failed_scrapes(
    hold: float,
    settled: float,
    case: MakeCase,
    bad: float,
    fine: float,
    *,
    onset: float = 0,
    onset_is_exact: bool = True,
) -> Iterator[Case]:
    """Let some scrapes fail: two of them are no outage, and three are one.

    :param settled: minutes that the alert keeps its state after an outage.
    :param onset: minutes of a fault after which the condition holds.
    :param onset_is_exact: the condition holds no sooner.
    """
    fires = onset + hold + 3
    kept = settled - 1.5
    dies = onset + hold - (2 / 3 if onset else 1 / 2)

    def often(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
        return replace(case(name, *phases, checks=checks), every=SCRAPE_MINUTES)

    if hold:
        yield from pending_through_failed_scrapes(hold, case, bad, onset)
    if hold and onset_is_exact and dies > 0:
        yield often(
            "does not fire when the engine dies half a minute before its time",
            *((dies, bad), (SOON_MINUTES, None)),
            checks=[(dies + number * SCRAPE_MINUTES, False) for number in range(1, 30)],
        )
    up = [(UNREAD_MINUTE, ENGINES_UP, 1.0)]
    if settled > LONG_SETTLED_MINUTES:
        recorded = case(
            "is recorded as always where scrapes are rare",
            (2 * SELDOM_MINUTES, fine),
            checks=[(UNREAD_MINUTE, False)],
        )
        yield replace(recorded, every=EVALUATION_MINUTES, sampled=SELDOM_MINUTES, values=up)
        return
    yield often(
        "keeps its state after half a minute without an engine",
        *((fires, bad), (2 * SCRAPE_MINUTES, None), (settled, fine)),
        checks=[(fires, True), (fires + 1, True), (fires + kept, True)],
    )
    yield often(
        "is judged as always after two failed scrapes",
        *((fires, bad), (SCRAPE_MINUTES, None), (settled, fine)),
        checks=[(fires, True), (fires + kept, False)],
    )
    seldom = case(
        "is judged as always where scrapes are rare",
        *((fires, bad), (settled, fine)),
        checks=[
            *((fires - EVALUATION_MINUTES, True), (fires, True)),
            *((fires + settled / 2, False), (fires + kept, False)),
        ],
    )
    yield replace(seldom, every=EVALUATION_MINUTES, sampled=SELDOM_MINUTES, values=up)


def unknown_engine(case: Case) -> Case:
    """Let Prometheus know of no engine while none is up."""
    phases = case.engine.phases if case.engine else ()
    up, still = (
        flat(*((minutes, value if is_up else None) for minutes, is_up in phases)) for value in (1.0, 0.0)
    )
    return replace(case, engine=up, series={**case.series, STILL_ENGINE: still})


def _no_engine(
    timing: Timing, case: MakeCase, bad: float, fine: float, afterwards: Sequence[Check]
) -> Iterator[Case]:
    """Let Prometheus know of no engine, record too late, and know more of an engine than that it is down."""
    there, gone = timing.there, timing.there + 10
    during = [(there + minutes, True) for minutes in (0, *range(2, 10))]
    unknown = case(
        "goes on firing when no engine is known",
        *((there, bad), (10.0, None), (timing.full, fine)),
        checks=[*during, *((gone + minutes, fires) for minutes, fires in afterwards)],
    )
    yield unknown_engine(unknown)
    lasting = case(
        "goes on firing when what is recorded is older than the outage",
        *((there, bad), (10, None), (there, bad)),
        checks=[*during, *((gone + minutes, True) for minutes in (1, timing.window, there))],
    )
    yield replace(lasting, is_recorded_late=True)
    down = case("does not fire while no engine is up", (there, bad), checks=[(there, False)])
    if down.engine:
        yield replace(down, engine=flat((down.engine.minutes, 0)))
