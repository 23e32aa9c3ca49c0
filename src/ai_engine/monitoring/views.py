"""Dashboards, their data and the state of alerts, as the API shows them."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from pydantic import Field

from vital_shared.models.base import Frozen

__all__ = [
    "VARIABLES",
    "AlertInstance",
    "AlertRuleDetail",
    "AlertRuleList",
    "AlertRuleView",
    "AlertState",
    "DashboardList",
    "DashboardSummary",
    "DashboardView",
    "DataSource",
    "PanelData",
    "PanelLimit",
    "PanelQuery",
    "PanelSeries",
    "PanelView",
    "Variable",
]

VARIABLES: Final = ("environment", "instance", "mode", "tenant", "workflow")
"""The variables that a dashboard may have."""

AlertState: TypeAlias = Literal["firing", "pending", "inactive", "unknown"]


class DataSource(Frozen):
    """The origin of the figures."""

    kind: Literal["prometheus", "own"]
    """A Prometheus, or the engine's own samples of the last hours."""
    since: float | None = None
    """The time of the oldest own sample, in seconds since 1970."""
    engines: int = 1
    """Machines that serve from the same store: own samples are of one of them alone."""


class DashboardSummary(Frozen):
    """One dashboard of the list."""

    uid: str
    title: str
    description: str
    panels: int


class DashboardList(Frozen):
    """All dashboards."""

    dashboards: tuple[DashboardSummary, ...]


class PanelLimit(Frozen):
    """The threshold between good and bad values."""

    value: float
    good: Literal["above", "below"]


class PanelQuery(Frozen):
    """One query of a panel."""

    legend: str
    """The name of a table's column; elsewhere series have names of their own."""
    unit: str
    """As Grafana calls it."""


class PanelView(Frozen):
    """One panel, without its data."""

    id: int
    key: str
    title: str
    description: str
    section: str
    """The heading that it stands under; empty: none."""
    kind: Literal["bars", "gauge", "heatmap", "lines", "number", "pie", "table"]
    unit: str
    """As Grafana calls it."""
    decimals: int | None
    least: float | None
    most: float | None
    limit: PanelLimit | None
    if_empty: str
    queries: tuple[PanelQuery, ...]
    rows: tuple[str, ...]
    """The labels that name a table's rows."""
    x: int
    """The place of its left side, in columns of 24."""
    y: int
    width: int
    height: int
    alerts: tuple[str, ...]
    """The alerts that watch what it shows."""


class Variable(Frozen):
    """A variable of a dashboard."""

    name: Literal["environment", "instance", "mode", "tenant", "workflow"]
    label: str
    values: tuple[str, ...]


class DashboardView(Frozen):
    """One dashboard, without its data."""

    uid: str
    title: str
    description: str
    refresh_seconds: float
    range_seconds: float
    """The time that it shows at first."""
    variables: tuple[Variable, ...]
    panels: tuple[PanelView, ...]
    source: DataSource


class PanelSeries(Frozen):
    """One series of a panel, or one value of a table."""

    name: str
    query: int
    """The number of its query, counted from 0."""
    labels: dict[str, str]
    values: tuple[float | None, ...]
    """A value at each time; null: there is none."""


class PanelData(Frozen):
    """The data of a panel."""

    times: tuple[float, ...]
    """In seconds since 1970."""
    series: tuple[PanelSeries, ...]
    hidden_series: int = Field(default=0, ge=0)
    """Series that are left out, since there are too many to tell apart."""
    source: DataSource


class AlertInstance(Frozen):
    """One set of labels that an alert fires for, or soon will."""

    labels: dict[str, str]
    state: AlertState
    since: float
    """The time since when its condition holds, in seconds since 1970."""
    value: float | None
    summary: str = ""
    """One sentence with its value; own samples have none."""


class AlertRuleView(Frozen):
    """One alert and its state."""

    key: str
    """Its name in the configuration; three alerts share the name TenantBudget."""
    name: str
    fires_when: str
    severity: str
    team: str
    receivers: tuple[str, ...]
    threshold: float | None
    """The limit, in the alert's unit; null: it is relative to what is usual."""
    unit: str
    hold_seconds: float
    """The time that its condition has to hold."""
    state: AlertState
    reason: str = ""
    """The reason for an unknown state."""
    since: float | None = None
    """The time since when it is in this state, where it fires or soon will."""
    value: float | None = None
    """The value that is compared with the threshold now."""
    instances: tuple[AlertInstance, ...] = ()
    dashboard: str
    """The uid of the dashboard that shows it."""
    panel: int


class AlertRuleList(Frozen):
    """All alerts, those that fire first."""

    rules: tuple[AlertRuleView, ...]
    source: DataSource


class AlertRuleDetail(Frozen):
    """One alert with its runbook."""

    rule: AlertRuleView
    description: str
    runbook: str
    """As Markdown; empty: there is none."""
    source: DataSource
