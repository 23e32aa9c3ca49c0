"""Tests of tenants' budgets and of limits, each of which is spent by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from vital_ops.promql import select, write_number
from vital_ops.rules.case import Case, Check, Phase, SeriesPhases, engine_of, flat
from vital_ops.rules.outage_tests import STILL_ENGINE, outages
from vital_ops.rules.shapes import on
from vital_ops.rules.timing import Timing
from vital_ops.thresholds import Threshold
from vital_shared.monitoring.instrument import Gauge
from vital_shared.monitoring.metrics import (
    BUDGET_LIMIT_DOLLARS,
    BUDGET_SPENT_DOLLARS,
    USAGE_LIMIT_AMOUNT,
    USAGE_LIMIT_SPENT,
)

__all__ = ["budget", "usage_limit"]

BUDGET_DOLLARS: Final = 32.0
"""The limit; a power of two, so that a share of it is exact."""


class _Spent(NamedTuple):
    """Two gauges, of an amount and of what is spent of it, and the labels of three of their series."""

    limit: Gauge
    spent: Gauge
    watched: Mapping[str, str]
    """The labels of the series whose share is that of the case."""

    others: Sequence[Mapping[str, str]]
    """The labels of those of which little is spent."""


_TENANT_BUDGET: Final = _Spent(
    BUDGET_LIMIT_DOLLARS,
    BUDGET_SPENT_DOLLARS,
    {"tenant_id": "acme", "period": "day"},
    ({"tenant_id": "acme", "period": "month"}, {"tenant_id": "globex", "period": "day"}),
)
_WATCHED_LIMIT: Final = {"level": "user", "holder": "acme", "unit": "tokens", "period": "month"}
_USAGE_LIMIT: Final = _Spent(
    USAGE_LIMIT_AMOUNT,
    USAGE_LIMIT_SPENT,
    _WATCHED_LIMIT,
    [
        _WATCHED_LIMIT | {name: value}
        for name, value in (("level", "key"), ("holder", "globex"), ("unit", "dollars"), ("period", "day"))
    ],
)


def budget(at: Threshold) -> Iterator[Case]:
    """Fire from a share on, until the period's end; each tenant and period for itself."""
    yield from _cases(at, _TENANT_BUDGET)


def usage_limit(at: Threshold) -> Iterator[Case]:
    """Fire as for a budget; each level, holder, unit and period for itself."""
    yield from _cases(at, _USAGE_LIMIT)
    known = {"share": write_number(at.value * 100)}
    below: Sequence[Phase] = [(20, at.value * 0.98), (30, None)]
    another = {"alertname": "Another", "alertstate": "firing"} | known | _WATCHED_LIMIT
    labels = ",".join(f'{name}="{value}"' for name, value in another.items())
    yield Case(
        "does not take the state of another alert for its own while no engine is up",
        _series(_USAGE_LIMIT, below) | {STILL_ENGINE: flat((50, 0)), f"ALERTS{{{labels}}}": flat((50, 1))},
        [(19, False), (30, False), (49, False)],
        engine_of(below),
        known,
        dict(_WATCHED_LIMIT),
    )


def _cases(at: Threshold, of: _Spent) -> Iterator[Case]:
    """Make the cases of what is spent of an amount."""
    window = at.window / 60

    def case(name: str, *shares: Phase, checks: Sequence[Check]) -> Case:
        up = engine_of(shares)
        series = _series(of, shares) | {STILL_ENGINE: flat((up.minutes, 0))}
        return Case(name, series, checks, up, {"share": write_number(at.value * 100)}, dict(of.watched))

    above, below = at.value * 1.02, at.value * 0.98
    yield case(
        "fires at once, and holds until the period ends",
        *((10, below), (90, at.value), (30, 0)),
        checks=[(9, False), (11, True), (100, True), (103, False)],
    )
    yield case("fires just above", (20, above), checks=[(1, True), (19, True)])
    yield case("does not fire just below", (20, below), checks=[(19, False)])
    starting = case(
        "holds while a process that has just begun has not read the store",
        *((10, at.value), (window - 2, None), (20, at.value)),
        checks=[(5, True), (9 + window - 2, True), (8 + window, True), (20 + window, True)],
    )
    yield replace(starting, engine=flat((60, 1)))
    gone = case(
        "is over a window after a budget was taken away",
        *((10, at.value), (40, None)),
        checks=[(8 + window, True), (13 + window, False)],
    )
    yield replace(gone, engine=flat((60, 1)))
    yield from _changed_limits(at, of, case)
    yield from outages(Timing.of(at), case, at.value, 0)
    yield case(
        "does not fire while no engine is up, where a smaller share of the budget has fired",
        *((20, below), (30, None)),
        checks=[(19, False), (30, False), (49, False)],
    )


def _changed_limits(at: Threshold, of: _Spent, case: Callable[..., Case]) -> Iterator[Case]:
    """Change or take away one side of the share: what is shown last counts, for a window."""
    window = at.window / 60
    limit, spent = (on(select(gauge, **of.watched), "one:8000") for gauge in (of.limit, of.spent))
    taken = [(8 + window, True), (13 + window, False)]
    for name, share, series, phases, checks in (
        (
            "is over when the limit is raised",
            at.value,
            limit,
            ((9, BUDGET_DOLLARS), (40, 2 * BUDGET_DOLLARS)),
            (True, False),
        ),
        (
            "fires when the limit is lowered",
            0.6 * at.value,
            limit,
            ((9, BUDGET_DOLLARS), (40, BUDGET_DOLLARS / 2)),
            (False, True),
        ),
    ):
        changed = case(name, (50, share), checks=[*zip((9, 10), checks, strict=True)])
        yield replace(changed, series={**changed.series, series: flat(*phases)})
    for name, series, amount in (
        ("is over a window after the limit was taken away", limit, BUDGET_DOLLARS),
        ("is over a window after the spending was", spent, at.value * BUDGET_DOLLARS),
    ):
        changed = case(name, (50, at.value), checks=taken)
        yield replace(changed, series={**changed.series, series: flat((9, amount), (40, None))})


def _series(of: _Spent, shares: Sequence[Phase]) -> dict[str, SeriesPhases]:
    """Let two engines show the same amount and spending, one of them later, and little of the others."""
    found = {}
    for instance, part in (("one:8000", 1.0), ("two:8000", 0.5)):
        for known, spent in ((of.watched, part), *((other, 0.05) for other in of.others)):
            used = [
                (minutes, None if share is None else share * BUDGET_DOLLARS * spent)
                for minutes, share in shares
            ]
            limits = [(minutes, None if share is None else BUDGET_DOLLARS) for minutes, share in shares]
            found[on(select(of.spent, **known), instance)] = flat(*used)
            found[on(select(of.limit, **known), instance)] = flat(*limits)
    return found
