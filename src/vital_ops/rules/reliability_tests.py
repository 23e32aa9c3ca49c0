"""Tests of the alerts beyond the twelve, for ``promtool test rules``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from vital_ops.rules.case import ENGINE, Case, Check, Phase, SeriesPhases, engine_of, flat, lines, times
from vital_ops.rules.level_tests import level
from vital_ops.rules.outage_tests import STILL_ENGINE, outages
from vital_ops.rules.timing import Timing
from vital_ops.thresholds import Threshold

__all__ = ["REPLICAS_DOWN", "engine_down", "failing_notifications", "replica_down"]

REPLICAS_DOWN: Final = "vital:replicas_down:count"
"""The recorded number of engines that are down."""

OTHER_ENGINE: Final = ENGINE.replace("one:8000", "two:8000")
THIRD_ENGINE: Final = ENGINE.replace("one:8000", "three:8000")
MANY_ENGINES: Final = 24
DOWN_ELSEWHERE: Final = 'up{job="elsewhere",instance="two:8000"}'


def engine_down(at: Threshold) -> Iterator[Case]:
    """Fire while no engine is up."""
    hold = at.hold / 60
    down = flat((9, 1), (4 + hold, 0), (10, 1))
    up = flat((30 + hold, 1))
    still = {THIRD_ENGINE: flat((30 + hold, 0))}
    yield Case(
        "fires when the only engine is down, and is over when it is back",
        still,
        [(9, False), (9.5 + hold, False), (11 + hold, True), (14 + hold, True), (16 + hold, False)],
        down,
    )
    yield Case("fires when no engine is known", {"nothing": flat((10, 1))}, [(5, True)], flat((10, None)))
    for name, others in (
        ("another engine is", {OTHER_ENGINE}),
        ("two others are", {OTHER_ENGINE, THIRD_ENGINE}),
    ):
        series = still | dict.fromkeys(sorted(others), up)
        yield Case(f"does not fire while {name} up", series, [(11 + hold, False)], down)


def replica_down(at: Threshold) -> Iterator[Case]:
    """Fire while some engines are down, and others up."""
    hold = at.hold / 60
    down, up = flat((9, 1), (4 + hold, 0), (10, 1)), flat((30 + hold, 1))
    elsewhere = {DOWN_ELSEWHERE: flat((30 + hold, 0))}
    yield Case(
        "fires when one of two engines is down, and is over when it is back",
        elsewhere | {OTHER_ENGINE: up},
        [(9, False), (9 + hold, False), (11 + hold, True), (14 + hold, True), (16 + hold, False)],
        down,
    )
    two = {OTHER_ENGINE: down, THIRD_ENGINE: up}
    yield Case(
        "fires when two of three engines are down, and says that it is two",
        two,
        [(9 + hold, False), (11 + hold, True)],
        down,
        values=[(11 + hold, REPLICAS_DOWN, 2.0)],
    )
    yield Case("does not fire when all are down", {OTHER_ENGINE: down}, [(11 + hold, False)], down)
    many = {ENGINE.replace("one:8000", f"{number}:8000"): up for number in range(MANY_ENGINES)}
    yield Case("does not fire when all are up", elsewhere | many, [(11 + hold, False)])
    for case in outages(Timing.of(at), _remaining_engine, bad=1, fine=0):
        # What is down all the time elsewhere would be a replica that is down here.
        yield replace(case, series={name: line for name, line in case.series.items() if name != STILL_ENGINE})
    yield from _all_unknown(at)


def _remaining_engine(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
    """Let one engine be down and another up, which then dies too.

    :param phases: minutes, and 1 while one is down, 0 while both are up, None while neither is.
    """
    other = flat(*((minutes, 1 if amount == 0 else 0) for minutes, amount in phases))
    return Case(name, {OTHER_ENGINE: other}, checks, engine_of(phases))


def _all_unknown(at: Threshold) -> Iterator[Case]:
    """Let Prometheus forget both engines, the one that was down and the one that dies."""
    timing = Timing.of(at)
    there, gone = timing.there, timing.there + 10
    case = _remaining_engine(
        "goes on firing when Prometheus knows of neither engine",
        *((there, 1.0), (10.0, None), (timing.full, 0.0)),
        checks=[
            *((there + minutes, True) for minutes in (0, *range(2, 10))),
            (gone + timing.settled + 2 * timing.step, False),
        ],
    )
    other = flat((there, 0), (10, None), (timing.full, 1))
    yield replace(case, series={OTHER_ENGINE: other}, engine=flat((there, 1), (10, None), (timing.full, 1)))


def failing_notifications(at: Threshold) -> Iterator[Case]:
    """Count the failures of all but webhooks, of which one is the engine that may be down."""
    window = at.window / 60

    def failed(integration: str, instance: str = "one:9093") -> str:
        known = f'job="alertmanager",integration="{integration}",instance="{instance}"'
        return f"alertmanager_notifications_failed_total{{{known}}}"

    def write(phases: Sequence[Phase]) -> dict[str, SeriesPhases]:
        return {
            failed("slack"): lines(*times(phases, 0.5 / window)),
            failed("email"): lines(*times(phases, 0.2 / window)),
            failed("slack", "two:9093"): lines(*times(phases, 0.3 / window)),
            failed("webhook"): lines((sum(minutes for minutes, _ in phases), 10)),
        }

    yield from level(at, write, is_of_engines=False)
    steps = [(window - 2, 5 + number * at.value) for number in range(8)]  # each has a sample more
    yield Case("fires on as many as the limit", {failed("slack"): flat(*steps)}, [(30, True)])
    one = {failed("slack"): flat((9, 5), (60, 5 + at.value))}
    yield Case("does not fire on one failure for less than its time", one, [(12, False), (25, False)])
