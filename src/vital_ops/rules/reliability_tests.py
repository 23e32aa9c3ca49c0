"""Tests of the alerts beyond the twelve, for ``promtool test rules``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from vital_ops.config import Threshold
from vital_ops.promql import select
from vital_ops.rules.case import ENGINE, Case, Check, Line, flat, lines
from vital_shared.monitoring.metrics import (
    BUDGET_LIMIT_DOLLARS,
    BUDGET_SPENT_DOLLARS,
    CHARGES_FLAGGED_TOTAL,
    REQUESTS_REJECTED_TOTAL,
    STORE_DEAD_LETTERS,
    WORKER_RESTARTS_TOTAL,
    WORKFLOW_REQUESTS_TOTAL,
)

__all__ = ["RELIABILITY_CASES"]

OTHER_ENGINE: Final = ENGINE.replace("one:8000", "two:8000")
FAILED: Final = 'alertmanager_notifications_failed_total{job="alertmanager",integration="slack"}'

SEASON_MINUTES: Final = 30.0
"""Minutes between evaluations over a day or a week."""

BUSY: Final = 60.0
"""Requests a minute."""


def _requests(outcome: str = "success", tenant: str = "acme") -> str:
    return select(WORKFLOW_REQUESTS_TOTAL, mode="2", tenant_id=tenant, outcome=outcome)


def _engine_down(at: Threshold) -> Iterator[Case]:
    hold = at.hold / 60
    traffic = {_requests(): lines((30 + hold, BUSY))}
    down = flat((10, 1), (5 + hold, 0), (10, 1))
    yield Case(
        "fires when the only engine is down, and is over when it is back",
        traffic,
        [(10, False), (10 + hold, False), (12 + hold, True), (18 + hold, False)],
        down,
    )
    yield Case("fires when no engine is known", {"nothing": flat((10, 1))}, [(5, True)], flat((10, None)))
    other = {**traffic, OTHER_ENGINE: flat((30 + hold, 1))}
    yield Case("does not fire while another engine is up", other, [(12 + hold, False)], down)


def _replica_down(at: Threshold) -> Iterator[Case]:
    hold = at.hold / 60
    down = flat((10, 1), (5 + hold, 0), (10, 1))
    other = {OTHER_ENGINE: flat((30 + hold, 1))}
    yield Case(
        "fires when one of two engines is down, and is over when it is back",
        other,
        [(10 + hold, False), (12 + hold, True), (18 + hold, False)],
        down,
    )
    both = {OTHER_ENGINE: flat((10, 1), (20, 0))}
    yield Case("does not fire when all are down", both, [(12 + hold, False)], flat((10, 1), (20, 0)))
    yield Case("does not fire when all are up", other, [(20, False)])


def _rejecting(at: Threshold) -> Iterator[Case]:
    there = (at.window + at.hold) / 60 + 3

    def case(name: str, reason: str, events: float, share: float, *, fires: bool) -> Case:
        refused = select(REQUESTS_REJECTED_TOTAL, reason=reason)
        series = {
            refused: lines((there, events * share), (there, 0)),
            _requests(): lines((2 * there, events * (1 - share))),
        }
        return Case(name, series, [(at.hold / 60 - 1, False), (there, fires), (2 * there - 1, False)])

    few = 0.9 * at.least_events / (at.window / 60)
    yield case("fires on overload", "overload", BUSY, at.value * 1.2, fires=True)
    yield case("fires on wrong keys", "auth", BUSY, at.value * 1.2, fires=True)
    yield case("does not fire just below", "overload", BUSY, at.value * 0.9, fires=False)
    yield case("does not fire on a tenant's own limits", "budget", BUSY, 0.5, fires=False)
    yield case("does not fire on too little traffic", "overload", few, 0.9, fires=False)
    yield case("fires on just enough traffic", "overload", few * 1.3, 0.9, fires=True)


def _failing_notifications(at: Threshold) -> Iterator[Case]:
    there = at.hold / 60 + 3
    series = {FAILED: lines((there, 1), (at.window / 60 + 3, 0))}
    over = there + at.window / 60 + 2
    yield Case("fires, and is over again", series, [(at.hold / 60 - 1, False), (there, True), (over, False)])
    yield Case("does not fire when all are delivered", {FAILED: lines((there, 0))}, [(there, False)])
    webhook = {FAILED.replace("slack", "webhook"): lines((there, 10))}
    yield Case("does not fire while the engine, a webhook, is down", webhook, [(there, False)])


def _dropped(at: Threshold) -> Iterator[Case]:
    window, hold, hour = at.window / 60, at.hold / 60, at.before / 60
    there = window + hold + 3

    def case(name: str, usual: float, rest: float, less: float, *, fires: bool) -> Case:
        phases = ((hour, usual), (rest, usual), (there, less), (window + 3, usual))
        end = hour + rest + there
        return Case(
            name,
            {_requests(): lines(*phases)},
            [(hour + rest, False), (end, fires), (end + window + 2, False)],
        )

    least = at.least_events / 60
    yield case("fires below a fifth of the hour before", BUSY, window, BUSY * at.value * 0.9, fires=True)
    yield case("does not fire just above", BUSY, window, BUSY * at.value * 1.1, fires=False)
    yield case("does not fire where there was little", least * 0.9, window, 0, fires=False)
    yield case("fires where there was just enough", least * 1.1, window, 0, fires=True)
    yield from _quiet_hours(at)
    gone = flat((hour + window, 1), (there, 0), (there, 1))
    series = {_requests(): lines((hour + window, BUSY), (there, None), (there, BUSY))}
    checks = [
        (hour + window + minutes, False) for minutes in (hold, there - 1, there + window, 2 * there - 1)
    ]
    yield Case("does not fire on an outage, nor after it", series, checks, gone)


def _quiet_hours(at: Threshold) -> Iterator[Case]:
    """An hour that is always quiet, yesterday or a week ago."""
    hour = at.before / 60
    for name, back in (("yesterday", at.day / 60), ("a week ago", at.week / 60)):
        quiet = (2 * hour, BUSY * at.value / 2)
        phases = ((2 * hour, BUSY), quiet, (back - 2 * hour, BUSY), quiet)
        began = 2 * hour + back
        yield Case(
            f"does not fire at an hour that was as quiet {name}",
            {_requests(): lines(*phases)},
            [(began + minutes, False) for minutes in (30, 60, 90)],
            every=SEASON_MINUTES,
        )


def _set_aside(at: Threshold) -> Iterator[Case]:
    """Fire at once, on either; hold until somebody has seen to it, or a window after a charge."""
    letters, window = select(STORE_DEAD_LETTERS), at.window / 60
    clamped, estimated = (select(CHARGES_FLAGGED_TOTAL, flag=flag) for flag in ("clamped", "estimated"))

    def case(name: str, waiting: Line, rise: Line, *checks: Check) -> Case:
        return Case(name, {letters: waiting, clamped: rise, estimated: lines((100, 60))}, checks)

    none, quiet = flat((100, 0)), lines((100, 0))
    written = flat((9, 0), (30, at.value), (60, 0))
    yield case(
        "fires at once, until it is seen to", written, quiet, (9, False), (10, True), (39, True), (42, False)
    )
    rise = lines((9, 0), (1, at.value), (90, 0))
    yield case("fires on a clamped charge", none, rise, (9, False), (11, True), (15 + window, False))
    yield case("does not fire on less", flat((100, at.value * 0.45)), quiet, (50, False))
    few = lines((9, 0), (1, at.value * 0.45), (90, 0))
    yield case("does not fire on estimates alone", none, few, (11, False), (90, False))


def _tenant_fails(at: Threshold) -> Iterator[Case]:
    there = (at.window + at.hold) / 60 + 3
    neighbour: dict[str, Line] = {_requests("success", "globex"): lines((2 * there + 20, 50 * BUSY))}

    def case(name: str, events: float, share: float, *, fires: bool) -> Case:
        series = neighbour | {
            _requests("failed"): lines((there, events * share), (at.window / 60 + 3, 0)),
            _requests("success"): lines((there, events * (1 - share)), (at.window / 60 + 3, events)),
        }
        over = there + at.window / 60 + 2
        return Case(
            name,
            series,
            [(at.hold / 60 - 1, False), (there, fires), (over, False)],
            labels={"tenant_id": "acme"},
        )

    few = 0.9 * at.least_events / (at.window / 60)
    yield case("fires on one tenant among many requests of another", 6, 1.0, fires=True)
    yield case("fires just above", BUSY, at.value * 1.1, fires=True)
    yield case("does not fire just below", BUSY, at.value * 0.9, fires=False)
    yield case("does not fire on too little traffic", few, 1.0, fires=False)


def _restarts(at: Threshold) -> Iterator[Case]:
    """Fire with the last restart, whatever its cause; fewer in a window do not count."""
    window = at.window / 60
    killed, hung = (select(WORKER_RESTARTS_TOTAL, cause=cause) for cause in ("killed", "hung"))

    def case(name: str, first: float, second: float, *checks: Check) -> Case:
        """Let workers be killed at minute 20, and hang at minute 23."""
        series = {
            killed: flat((19, 5), (60 + 2 * window, 5 + first)),
            hung: flat((22, 5), (60 + 2 * window, 5 + second)),
        }
        return Case(name, series, checks)

    few, rest = at.value - 1, 1
    yield case(
        "fires at once, and is over a window later",
        *(few, rest, (20, False), (22, False), (24, True), (18 + window, True), (25 + window, False)),
    )
    yield case("does not fire on one less", few, 0, (24, False), (30, False))
    gap = window + 5
    apart = {killed: flat((19, 5), (gap, 5 + few), (60, 5 + few + rest))}
    yield Case("does not fire on as many in a longer time", apart, [(19 + gap, False), (22 + gap, False)])
    gone = flat((25, 1), (60, 0), (60, 1))
    dead = {killed: flat((19, 5), (6, 5 + at.value), (60, None), (60, 0))}
    checks = [(24, True), (55, True), (84, True), (90 + window, False)]
    yield Case("goes on while the engine is down", dead, checks, gone)


def _budget(at: Threshold) -> Iterator[Case]:
    """Fire from a share on, until the period's end; each tenant and period for itself."""
    share = {"share": f"{at.value * 100:g}"}

    def case(
        name: str, *spent: tuple[float, float | None], checks: Iterable[Check], engine: Line | None = None
    ) -> Case:
        limits = [(minutes, None if amount is None else 20.0) for minutes, amount in spent]
        other = [(minutes, None if amount is None else 1.0) for minutes, amount in spent]
        series = {
            select(BUDGET_SPENT_DOLLARS, tenant_id="acme", period="day"): flat(*spent),
            select(BUDGET_LIMIT_DOLLARS, tenant_id="acme", period="day"): flat(*limits),
            select(BUDGET_SPENT_DOLLARS, tenant_id="acme", period="month"): flat(*other),
            select(BUDGET_LIMIT_DOLLARS, tenant_id="acme", period="month"): flat(*limits),
        }
        return Case(name, series, [*checks], engine, share | {"tenant_id": "acme", "period": "day"})

    there, less, window = 20 * at.value, 20 * at.value * 0.98, at.window / 60
    yield case(
        "fires at once, and holds until the period ends",
        *((10, less), (300, there), (30, 0.0)),
        checks=[(9, False), (11, True), (300, True), (314, False)],
    )
    yield case("does not fire just below", (60, less), checks=[(59, False)])
    yield case(
        "holds while a process that has just begun has not read the store",
        *((10, there), (window - 2, None), (20, there)),
        checks=[(5, True), (10 + window / 2, True), (8 + window, True), (20 + window, True)],
    )
    for minutes in (10, 60):
        gone = flat((20, 1), (minutes, 0), (60, 1))
        yield case(
            f"holds while the engine is down for {minutes} minutes",
            *((20, there), (minutes, None), (60, there)),
            checks=[(10, True), (20 + minutes / 2, True), (19 + minutes, True), (50 + minutes, True)],
            engine=gone,
        )
        yield case(
            f"is over when the engine is back after {minutes} minutes, and the period has ended",
            *((20, there), (minutes, None), (60, 0.0)),
            checks=[(20 + minutes / 2, True), (50 + minutes, False)],
            engine=gone,
        )


RELIABILITY_CASES: Final[Mapping[str, Callable[[Threshold], Iterator[Case]]]] = {
    "EngineDown": _engine_down,
    "ReplicaDown": _replica_down,
    "EngineRejecting": _rejecting,
    "NotificationsFailing": _failing_notifications,
    "DeadLetters": _set_aside,
    "TrafficDropped": _dropped,
    "TenantAvailability": _tenant_fails,
    "WorkerRestarts": _restarts,
    "TenantBudgetHalf": _budget,
    "TenantBudgetNearlySpent": _budget,
    "TenantBudgetSpent": _budget,
}
