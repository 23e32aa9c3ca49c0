"""Tests of what was set aside, and of workers that were replaced: small numbers that fire at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from vital_ops.promql import select
from vital_ops.rules.case import Case, Check, Phase, SeriesPhases, engine_of, flat, lines
from vital_ops.rules.level_tests import count
from vital_ops.rules.outage_tests import SCRAPE_MINUTES, STILL_ENGINE, outages
from vital_ops.rules.shapes import on
from vital_ops.rules.timing import Timing
from vital_ops.thresholds import Threshold
from vital_shared.monitoring.metrics import (
    CHARGES_FLAGGED_TOTAL,
    STORE_DEAD_LETTERS,
    WORKER_RESTARTS_TOTAL,
)

__all__ = ["restarts", "set_aside"]

LETTERS: Final = on(select(STORE_DEAD_LETTERS), "one:8000")
CLAMPED, ESTIMATED = (
    on(select(CHARGES_FLAGGED_TOTAL, flag=flag), "one:8000") for flag in ("clamped", "estimated")
)
CLAMPED_ELSEWHERE: Final = CLAMPED.replace("one:8000", "two:8000")

CASE_MINUTES: Final = 60.0
"""Length of a case."""


def set_aside(at: Threshold) -> Iterator[Case]:
    """Fire at once, on either; hold until somebody has seen to it, or a window after a charge."""
    window = at.window / 60
    none = {
        LETTERS: flat((CASE_MINUTES, 0)),
        CLAMPED: flat((CASE_MINUTES, 5)),
        ESTIMATED: lines((CASE_MINUTES, 60)),
    }

    def case(name: str, series: dict[str, SeriesPhases], *checks: Check) -> Case:
        return Case(name, none | series, checks)

    def letters(name: str, amount: float, *checks: Check) -> Case:
        return case(name, {LETTERS: flat((9, 0), (29, amount), (CASE_MINUTES, 0))}, *checks)

    def charges(name: str, amount: float, *checks: Check, waiting: float = 0) -> Case:
        clamped = {CLAMPED: flat((9, 5), (CASE_MINUTES, 5 + amount)), LETTERS: flat((CASE_MINUTES, waiting))}
        return case(name, clamped, *checks)

    held = ((9, False), (10, True), (39, True), (41, False))
    yield letters("fires at once, until it is seen to", at.value, *held)
    yield letters("fires on many", 3 * at.value, *held)
    yield letters("fires just above", 1.02 * at.value, *held)
    yield letters("does not fire just below", 0.98 * at.value, (10, False), (39, False))
    clamped = ((9, False), (10, True), (8 + window, True), (13 + window, False))
    yield charges("fires on a clamped charge", at.value, *clamped)
    yield charges("does not fire on less", 0.45 * at.value, (10, False), waiting=0.45 * at.value)
    yield charges("fires on both together", 0.6 * at.value, (10, True), waiting=0.45 * at.value)
    shown_twice = {
        each: flat((CASE_MINUTES, 0.6 * at.value)) for each in (LETTERS, LETTERS.replace("one", "two"))
    }
    yield case("counts once what every engine shows", shown_twice, (50, False))
    one_more = {
        LETTERS: flat((CASE_MINUTES, at.value)),
        LETTERS.replace("one", "two"): flat((CASE_MINUTES, 0)),
    }
    yield case("fires on what one engine shows", one_more, (50, True))
    gone = {
        LETTERS: flat((9, at.value), (CASE_MINUTES, None)),
        LETTERS.replace("one", "two"): flat((CASE_MINUTES, 0)),
    }
    shown = ((8, True), (8 + window, True), (11 + window, False))
    yield case("counts what an engine showed that is gone, for a window", gone, *shown)
    both = {each: flat((9, 5), (CASE_MINUTES, 5 + 0.6 * at.value)) for each in (CLAMPED, CLAMPED_ELSEWHERE)}
    yield case("adds up the charges of all engines", both, (9, False), (10, True), (13 + window, False))
    anew = {CLAMPED: flat((20, 5), (1, None), (2, 0), (CASE_MINUTES, at.value))}
    yield case("fires on a charge after a restart", anew, (25, False), (28, True), (30 + window, False))
    yield from outages(Timing.of(at), _waiting, at.value, 0)
    dies = _waiting(
        "goes on firing from the first scrape that fails",
        *((3, at.value), (3, None)),
        checks=[(3 + number * SCRAPE_MINUTES, True) for number in range(1, 9)],
    )
    yield replace(dies, every=SCRAPE_MINUTES)


def _waiting(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
    up = engine_of(phases)
    charged = lines(*((minutes, None if value is None else 0) for minutes, value in phases))
    series = {LETTERS: flat(*phases), CLAMPED: charged, STILL_ENGINE: flat((up.minutes, 0))}
    return Case(name, series, checks, up)


def restarts(at: Threshold) -> Iterator[Case]:
    """Fire with the last restart, whatever its cause; fewer in a window do not count."""
    killed, hung = (select(WORKER_RESTARTS_TOTAL, cause=cause) for cause in ("killed", "hung"))
    window = at.window / 60

    yield from count(at, {killed: 0.6, hung: 0.4})
    few, one = at.value - 1, 1.0
    step = Case(
        "fires with the last restart, and is over a window later",
        {
            on(killed, "one:8000"): flat((19, 5), (60 + 2 * window, 5 + few)),
            on(hung, "two:8000"): flat((22, 5), (60 + 2 * window, 5 + one)),
        },
        [(20, False), (22, False), (24, True), (18 + window, True), (25 + window, False)],
    )
    yield step
    gap = window + 5
    apart = flat((19, 5), (gap, 5 + few), (60, 5 + few + one))
    yield replace(
        step,
        name="does not fire on as many in a longer time",
        series={on(killed, "one:8000"): apart},
        checks=[(19 + gap, False), (22 + gap, False)],
    )
