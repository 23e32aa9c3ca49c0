"""All alerts, those of single figures and those of objectives, in one form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vital_ops.config import OpsConfig
from vital_ops.dashboards.boards import boards
from vital_ops.expressions.expression import QueryExpression, part
from vital_ops.promql import max_by, recorded, write_number
from vital_ops.rules.alert import AlertSpec
from vital_ops.rules.groups import EVERY_ALERT
from vital_ops.rules.slos import BAD_RATIO, OBJECTIVES, SPEEDS, Objective, Speed, burns

__all__ = ["AlertDefinition", "alert_definitions"]

FROM_OUTSIDE: Final = frozenset({"EngineDown"})
"""Alerts that an engine cannot judge of itself."""

RELATIVE: Final = frozenset({"SuddenCostSpike", "TrafficDropped"})
"""Alerts whose number is a multiple of what is usual, and no limit of the value that is shown."""

SLO_TEAM: Final = "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDefinition:
    """One alert as it is shown."""

    key: str
    name: str
    own: dict[str, str]
    """Labels that distinguish it from others of its name."""
    fires_when: str
    description: str
    severity: str
    team: str
    receivers: tuple[str, ...]
    threshold: float | None
    """None: it is relative to what is usual."""
    unit: str
    hold: float
    condition: QueryExpression
    value: QueryExpression | None
    """The value that is compared with the threshold; None: nothing is recorded of it."""
    dashboard: str
    panel: int

    @property
    def is_evaluable(self) -> bool:
        """Whether the engine's own samples suffice."""
        return self.condition.is_evaluable and self.name not in FROM_OUTSIDE


def alert_definitions(config: OpsConfig) -> Iterator[AlertDefinition]:
    """Return all alerts but the watchdog, which always fires."""
    panels = {(board.uid, panel.key): panel.id for board in boards(config) for panel in board.all_panels}
    for alert in EVERY_ALERT:
        yield _single(alert, config, panels[alert.dashboard, alert.panel])
    for objective in OBJECTIVES:
        for speed in SPEEDS:
            yield _burning(objective, speed, panels[objective.dashboard, objective.panel])


def _single(alert: AlertSpec, config: OpsConfig, panel: int) -> AlertDefinition:
    at = config.threshold(alert.key)
    return AlertDefinition(
        key=alert.key,
        name=alert.name,
        own={label: text.format(percent=write_number(at.value * 100)) for label, text in alert.own},
        fires_when=alert.fires_when,
        description=alert.description,
        severity=alert.severity,
        team=alert.team,
        receivers=alert.receivers,
        threshold=None if alert.name in RELATIVE else at.value,
        unit=alert.unit,
        hold=at.hold,
        condition=part(alert.condition(at)),
        value=_shown(alert.shown),
        dashboard=alert.dashboard,
        panel=panel,
    )


def _shown(series: str | None) -> QueryExpression | None:
    if series is None or isinstance(series, QueryExpression):
        return series
    return recorded(series)


def _burning(objective: Objective, speed: Speed, panel: int) -> AlertDefinition:
    burn = speed.burns[0]
    name = f"{objective.name}{speed.suffix}"
    return AlertDefinition(
        key=name,
        name=name,
        own={},
        fires_when=f"the error budget for {objective.bad_events} burns {burn.times:g} times too fast",
        description="The error budget of 30 days is burning too fast.",
        severity=speed.severity,
        team=SLO_TEAM,
        receivers=speed.receivers,
        threshold=float(f"{burn.times * (1 - objective.good):.4g}"),
        unit="share",
        hold=speed.hold,
        condition=burns(objective, speed),
        value=max_by(recorded(BAD_RATIO, slo=objective.label, window=burn.long)),
        dashboard=objective.dashboard,
        panel=panel,
    )
