"""Run each alert over history, and find thresholds that would have fired as often as is wanted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vital_ops.backtest.firings import Firing, firings
from vital_ops.backtest.history import History
from vital_ops.backtest.inlining import inlined
from vital_ops.config import DEFAULT_CONFIG, OpsConfig
from vital_ops.promql import scoped, write_number
from vital_ops.rules.alert import AlertSpec
from vital_ops.rules.groups import EVERY_ALERT, recordings
from vital_ops.rules.slos import OBJECTIVES, SPEEDS, burns, slo_recordings
from vital_ops.thresholds import Threshold

__all__ = ["Tested", "backtest", "unmet", "write_thresholds"]

NOT_TRIED: Final = "No other thresholds were tried: give --times."

HIGHER: Final = (1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 10)
LOWER: Final = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""The factors that are tried on a threshold, the nearest first."""

MAX_FIRING_SHARE: Final = 0.1
"""The share of time above which an alert that fires reports no incident: it fires once, and all day."""

FLOORS: Final = frozenset({"LowCacheHitRate", "LowQualityScore", "TrafficDropped"})
"""Alerts that fire below their thresholds; all others fire above."""

COMPUTED: Final = frozenset({"unknown_dollars_per_hour"})
"""Numbers of an alert that follow from others, and stand in no file."""


@dataclass(frozen=True, slots=True)
class Tested:
    """The result of an alert's backtest."""

    alert: str
    threshold: Threshold | None
    """None: it has none of its own, but an objective."""
    firings: list[Firing]
    suggested: float | None
    """The nearest value with which it would have fired as often as is wanted; None: it does, or none does."""


async def backtest(history: History, config: OpsConfig, times: int | None) -> list[Tested]:
    """Test all alerts, and those of the objectives.

    :param times: number of times that each alert should have fired; None: no other thresholds are tried.
    :raises HistoryUnavailable: when Prometheus does not answer.
    """
    tested = [await _test(alert, history, config, times) for alert in EVERY_ALERT]
    for objective in OBJECTIVES:
        for speed in SPEEDS:
            expr = scoped(inlined(burns(objective, speed), slo_recordings()), config.selector)
            fired = firings(await history.moments(expr), hold=speed.hold, step=history.step)
            tested.append(Tested(f"{objective.name}{speed.suffix}", None, fired, None))
    return tested


async def _test(alert: AlertSpec, history: History, config: OpsConfig, times: int | None) -> Tested:
    fired = await _fired(alert, history, config)
    suggested = None
    if times is not None and len(fired) != times:
        suggested = await _suggest(alert, history, config, times, len(fired))
    return Tested(alert.key, config.thresholds[alert.key], fired, suggested)


async def _suggest(
    alert: AlertSpec, history: History, config: OpsConfig, times: int, fires: int
) -> float | None:
    """Find the nearest value with which an alert fires so often; where it fires too often, or less."""
    rarer = fires > times
    nearest = None
    for value in _candidates(alert, config.thresholds[alert.key].value, rarer=rarer):
        other = config.thresholds[alert.key].model_copy(update={"value": value})
        fired = await _fired(alert, history, _with(config, alert.key, other))
        if sum(firing.seconds for firing in fired) > MAX_FIRING_SHARE * history.seconds:
            if not rarer:
                break  # with the next it would fire for longer still
        elif len(fired) == times:
            return value
        elif rarer and len(fired) < times and nearest is None:
            nearest = value
    return nearest


def _candidates(alert: AlertSpec, value: float, *, rarer: bool) -> Iterator[float]:
    """Try other values; not where only one is possible, or each is the share that its label names."""
    if alert.only_value is not None or alert.own:
        return
    for factor in LOWER if (alert.key in FLOORS) == rarer else HIGHER:
        tried = float(f"{value * factor:.3g}")
        if tried < alert.below:
            yield tried


async def _fired(alert: AlertSpec, history: History, config: OpsConfig) -> list[Firing]:
    at = config.threshold(alert.key)
    expr = scoped(inlined(alert.condition(at), recordings(config.thresholds)), config.selector)
    return firings(await history.moments(expr), hold=at.hold, step=history.step)


def _with(config: OpsConfig, alert: str, threshold: Threshold) -> OpsConfig:
    return config.model_copy(update={"thresholds": {**config.thresholds, alert: threshold}})


def write_thresholds(tested: list[Tested], times: int | None, config: OpsConfig = DEFAULT_CONFIG) -> str:
    """Write a file for ``vital ops build --config``: what is suggested, and what differed before.

    :param times: number of times that each alert should have fired; None: no other thresholds were tried.
    :param config: the configuration that was tested; its other settings are written where they differ too.
    """
    settings = config.model_dump(mode="json", exclude={"thresholds"})
    usual = DEFAULT_CONFIG.model_dump(mode="json", exclude={"thresholds"})
    top = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items() if value != usual[name]]
    remarks = "".join(f"# {remark}\n" for remark in unmet(tested, times))
    tables = [_table(each, at) for each in tested if (at := each.threshold) is not None and _differs(each)]
    if not tables and not remarks:
        remarks = f"# {NOT_TRIED if times is None else 'All alerts fire as often as is wanted.'}\n"
    return "\n".join(part for part in (remarks, "".join(top), *tables) if part)


def unmet(tested: list[Tested], times: int | None) -> list[str]:
    """List the alerts that do not fire as often as is wanted, and have no threshold with which they would."""
    if times is None:
        return []
    return [
        f"{each.alert} fired {len(each.firings)} times in place of {times}, and no threshold was found "
        "with which it does."
        for each in tested
        if len(each.firings) != times and each.suggested is None
    ]


def _differs(each: Tested) -> bool:
    return each.suggested is not None or each.threshold != DEFAULT_CONFIG.thresholds[each.alert]


def _table(each: Tested, at: Threshold) -> str:
    suggested = each.suggested
    was = f"  # was {write_number(at.value)}, and fired {len(each.firings)} times"
    numbers = at.model_dump(mode="json", by_alias=True, exclude={"value", *COMPUTED})
    rows = [
        f"[{each.alert}]",
        f"value = {at.value!r}" if suggested is None else f"value = {suggested!r}{was}",
        *(f"{name} = {json.dumps(number)}" for name, number in numbers.items()),
    ]
    return "\n".join(rows) + "\n"
