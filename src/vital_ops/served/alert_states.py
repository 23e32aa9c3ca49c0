"""The states of all alerts: as Prometheus judges them, or over the engine's own samples."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

import aiohttp

from ai_engine.monitoring.monitor import MonitoringSources
from ai_engine.monitoring.views import (
    AlertInstance,
    AlertRuleDetail,
    AlertRuleList,
    AlertRuleView,
    AlertState,
)
from vital_ops.config import OpsConfig
from vital_ops.runbooks import runbook_files
from vital_ops.served.alert_definitions import AlertDefinition, alert_definitions
from vital_ops.served.figures import Evaluated, FigureSource, QueryWindow
from vital_ops.served.prometheus_figures import ANSWER_SECONDS, ask_json
from vital_shared.errors import NotFound

__all__ = ["alert_details", "alert_states", "definition_of"]

STEP_SECONDS: Final = 30.0
"""Seconds between two looks at a condition, over the engine's own samples."""

LOOKED_BACK_SECONDS: Final = 1_800.0
"""The time that is looked back for the moment since when a condition holds, and more for a long hold."""

LABELS_OF_RULES: Final = frozenset(
    {"alertname", "severity", "team", "incident", "notify", "environment", "share"}
)

ORDER: Final[Mapping[AlertState, int]] = {"firing": 0, "pending": 1, "unknown": 2, "inactive": 3}

UNSEEN: Final = "Only a Prometheus sees this: set VITAL_PROMETHEUS_URL to the address of one."
NOT_THERE: Final = "Prometheus has no rule of this name: build the rules anew with `vital ops build`."


async def alert_states(config: OpsConfig, sources: MonitoringSources, figures: FigureSource) -> AlertRuleList:
    """Return the state of all alerts.

    :raises MonitoringUnavailable: when Prometheus does not answer.
    """
    definitions = tuple(alert_definitions(config))
    values = await _values(definitions, figures)
    if sources.prometheus_url:
        known = await _judged_by_prometheus(sources.prometheus_url)
        views = [_as_judged(each, known, values.get(each.key)) for each in definitions]
    else:
        views = await _judged_here(definitions, values, figures)
    views.sort(key=lambda view: (ORDER[view.state], view.severity != "critical"))
    return AlertRuleList(rules=tuple(views), source=await figures.source())


def definition_of(key: str, config: OpsConfig) -> AlertDefinition:
    """Return an alert's definition.

    :raises NotFound: when there is none of this key.
    """
    for each in alert_definitions(config):
        if each.key == key:
            return each
    raise NotFound(f"There is no alert {key}.")


def alert_details(definition: AlertDefinition, config: OpsConfig, states: AlertRuleList) -> AlertRuleDetail:
    """Return the state of an alert, its meaning and its runbook."""
    return AlertRuleDetail(
        rule=next(rule for rule in states.rules if rule.key == definition.key),
        description=definition.description,
        runbook=_runbook(definition.name, config),
        source=states.source,
    )


def _runbook(alert: str, config: OpsConfig) -> str:
    """Return the runbook of an alert, whose links to Grafana's panels become those to the console's."""
    text = runbook_files(config).get(f"{alert}.md", "")
    panel = rf"{re.escape(config.grafana_url.rstrip('/'))}/d/([\w-]+)\?viewPanel=(\d+)"
    return re.sub(panel, r"/dashboards/\1?panel=\2", text)


async def _values(definitions: Sequence[AlertDefinition], figures: FigureSource) -> dict[str, float]:
    """Return what each alert compares with its threshold now: the greatest value, where there are several."""
    shown = [(each.key, each.value) for each in definitions if each.value is not None]
    now = QueryWindow(times=[round(time.time(), 3)], step=STEP_SECONDS, range_seconds=LOOKED_BACK_SECONDS)
    results = await figures.query([value for _, value in shown], now)
    return {
        key: max(series.values[0] or 0.0 for series in result)
        for (key, _), result in zip(shown, results, strict=True)
        if result
    }


async def _judged_by_prometheus(url: str) -> Sequence[Mapping[str, Any]]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_SECONDS)) as session:
        found = await ask_json(session, f"{url.rstrip('/')}/api/v1/rules", {"type": "alert"})
    return [rule for group in found["data"]["groups"] for rule in group["rules"]]


def _as_judged(
    definition: AlertDefinition, known: Sequence[Mapping[str, Any]], value: float | None
) -> AlertRuleView:
    own = definition.own.items()
    for rule in known:
        if rule["name"] == definition.name and own <= rule["labels"].items():
            instances = tuple(_instance(each) for each in rule["alerts"])
            return _view(definition, instances, value)
    return _view(definition, (), value, unknown=NOT_THERE)


def _instance(alert: Mapping[str, Any]) -> AlertInstance:
    return AlertInstance(
        labels={name: text for name, text in alert["labels"].items() if name not in LABELS_OF_RULES},
        state=alert["state"],
        since=datetime.fromisoformat(alert["activeAt"]).timestamp(),
        value=float(alert["value"]),
        summary=alert["annotations"].get("summary", ""),
    )


async def _judged_here(
    definitions: Sequence[AlertDefinition], values: Mapping[str, float], figures: FigureSource
) -> list[AlertRuleView]:
    """Judge each alert over the engine's own samples, where these suffice.

    A condition is evaluated no further back than its own alert needs: evaluations are work for the processor.
    """
    now = round(time.time(), 3)
    found: dict[str, Iterator[AlertInstance]] = {}
    judged = sorted((each for each in definitions if each.is_evaluable), key=_looked_back)
    for seconds, some in groupby(judged, key=_looked_back):
        alike = list(some)
        times = [now - STEP_SECONDS * place for place in reversed(range(int(seconds / STEP_SECONDS) + 1))]
        window = QueryWindow(times=times, step=STEP_SECONDS, range_seconds=seconds)
        results = await figures.query([each.condition for each in alike], window)
        found |= {
            each.key: _instances(each, result, times) for each, result in zip(alike, results, strict=True)
        }
    return [
        _view(each, tuple(found[each.key]), values.get(each.key))
        if each.key in found
        else _view(each, (), values.get(each.key), unknown=UNSEEN)
        for each in definitions
    ]


def _looked_back(definition: AlertDefinition) -> float:
    """Return the seconds that are looked back for the moment since when a condition holds."""
    return max(LOOKED_BACK_SECONDS, 2 * definition.hold)


def _instances(
    definition: AlertDefinition, result: Sequence[Evaluated], times: Sequence[float]
) -> Iterator[AlertInstance]:
    """Find what a condition holds for now, and since when it has without a break."""
    for series in result:
        value = series.values[-1]
        if value is not None:
            broken = [place for place, each in enumerate(series.values) if each is None]
            since = times[broken[-1] + 1 if broken else 0]
            state: AlertState = "firing" if times[-1] - since >= definition.hold else "pending"
            yield AlertInstance(labels=dict(series.labels), state=state, since=since, value=value)


def _view(
    definition: AlertDefinition,
    instances: tuple[AlertInstance, ...],
    value: float | None,
    *,
    unknown: str = "",
) -> AlertRuleView:
    states = {each.state for each in instances}
    state: AlertState = "unknown" if unknown else "inactive"
    if states:
        state = "firing" if "firing" in states else "pending"
    first = min(
        (each for each in instances if each.state == state), key=lambda each: each.since, default=None
    )
    return AlertRuleView(
        key=definition.key,
        name=definition.name,
        fires_when=definition.fires_when,
        severity=definition.severity,
        team=definition.team,
        receivers=definition.receivers,
        threshold=definition.threshold,
        unit=definition.unit,
        hold_seconds=definition.hold,
        state=state,
        reason=unknown,
        since=None if first is None else first.since,
        value=value if first is None else first.value,
        instances=instances,
        dashboard=definition.dashboard,
        panel=definition.panel,
    )
