"""The interface of what knows the definitions of dashboards and alerts: it lies above the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from ai_engine.monitoring.samples import SampleSource
from ai_engine.monitoring.views import AlertRuleDetail, AlertRuleList, DashboardList, DashboardView, PanelData
from vital_shared.errors import VitalError

__all__ = ["Monitor", "MonitorLoader", "MonitoringSources", "MonitoringUnavailable", "PanelWindow"]


class MonitoringUnavailable(VitalError):
    """Prometheus or Alertmanager does not answer, or not as it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringSources:
    """The places that figures come from."""

    prometheus_url: str
    """Empty: there is none."""
    samples: SampleSource
    """The engine's own samples, for want of a Prometheus."""
    ops_config: Path | None = None
    """The file with thresholds and the selector; None: the defaults."""
    engines: int = 1
    """Machines that serve from the same store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelWindow:
    """The time that a panel shows, in seconds since 1970, and the choices for it."""

    start: float
    end: float
    step: float
    """Seconds from one point to the next."""
    chosen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Values by variable; one that is not there: all."""


class Monitor(Protocol):
    """Dashboards and alerts, from their definitions."""

    async def dashboards(self) -> DashboardList:
        """List the dashboards."""
        ...

    async def dashboard(self, uid: str, sources: MonitoringSources) -> DashboardView:
        """Return a dashboard and the values that can be chosen.

        :raises NotFound: when there is none of this uid.
        :raises MonitoringUnavailable: when Prometheus does not answer.
        """
        ...

    async def panel(
        self, uid: str, panel_id: int, window: PanelWindow, sources: MonitoringSources
    ) -> PanelData:
        """Return the data of a panel.

        :raises NotFound: when there is none of this number.
        :raises MonitoringUnavailable: when Prometheus does not answer.
        """
        ...

    async def alert_rules(self, sources: MonitoringSources) -> AlertRuleList:
        """Return the state of all alerts.

        :raises MonitoringUnavailable: when Prometheus does not answer.
        """
        ...

    async def alert_rule(self, key: str, sources: MonitoringSources) -> AlertRuleDetail:
        """Return the state of an alert, and what it means.

        :raises NotFound: when there is none of this key.
        :raises MonitoringUnavailable: when Prometheus does not answer.
        """
        ...

    def trace_url(self, trace_id: str, ops_config: Path | None) -> str | None:
        """Return the address under which people see a trace; None: no traces are kept.

        :param ops_config: the file that names the places; None: the defaults.
        :raises ConfigurationError: when the configuration of dashboards cannot be read.
        """
        ...


MonitorLoader: TypeAlias = Callable[[], Monitor]
"""Loads the monitor of an engine with its first request, in a thread: its definitions are many."""
