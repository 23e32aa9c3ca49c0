"""Dashboards and alerts from their definitions, by Prometheus or over the engine's own samples."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ai_engine.monitoring.monitor import MonitoringSources, PanelWindow
from ai_engine.monitoring.views import AlertRuleDetail, AlertRuleList, DashboardList, DashboardView, PanelData
from vital_ops.config import DEFAULT_CONFIG, OpsConfig, load_config
from vital_ops.dashboards.boards import boards
from vital_ops.dashboards.datasources import trace_url
from vital_ops.dashboards.panel import Board, Panel
from vital_ops.served.alert_states import alert_details, definition_of
from vital_ops.served.board_views import summary, view
from vital_ops.served.figures import FigureSource, QueryWindow
from vital_ops.served.own_figures import OwnFigures
from vital_ops.served.panel_data import IN_TIME, panel_data
from vital_ops.served.prometheus_figures import PrometheusFigures
from vital_ops.served.shared_states import SharedStates
from vital_shared.errors import NotFound

__all__ = ["DefinedMonitor"]


class DefinedMonitor:
    """The dashboards and alerts that `vital ops build` writes down."""

    def __init__(self) -> None:
        self._states = SharedStates()

    async def dashboards(self) -> DashboardList:
        """List the dashboards."""
        return DashboardList(dashboards=tuple(summary(board) for board in _boards(None)))

    async def dashboard(self, uid: str, sources: MonitoringSources) -> DashboardView:
        """Return a dashboard and the values that can be chosen.

        :raises NotFound: when there is none of this uid.
        :raises MonitoringUnavailable: when Prometheus does not answer.
        """
        board, figures = _board(uid, sources), _figures(sources)
        return view(board, await figures.variables(board), await figures.source())

    async def panel(
        self, uid: str, panel_id: int, window: PanelWindow, sources: MonitoringSources
    ) -> PanelData:
        """Return the data of a panel.

        :raises NotFound: when there is none of this number.
        :raises MonitoringUnavailable: when Prometheus does not answer.
        """
        panel, figures = _panel(_board(uid, sources), panel_id), _figures(sources)
        times = _times(window) if panel.kind in IN_TIME else [window.end]
        asked = QueryWindow(
            times=times,
            step=window.step,
            range_seconds=window.end - window.start,
            chosen=window.chosen,
        )
        results = await figures.query([query.expr for query in panel.queries], asked)
        return panel_data(panel, results, times, await figures.source())

    async def alert_rules(self, sources: MonitoringSources) -> AlertRuleList:
        """Return the state of all alerts.

        :raises MonitoringUnavailable: when Prometheus does not answer.
        """
        return await self._states.read(_config(sources.ops_config), sources, _figures(sources))

    async def alert_rule(self, key: str, sources: MonitoringSources) -> AlertRuleDetail:
        """Return the state of an alert, and what it means.

        :raises NotFound: when there is none of this key.
        :raises MonitoringUnavailable: when Prometheus does not answer.
        """
        config = _config(sources.ops_config)
        definition = definition_of(key, config)
        return alert_details(definition, config, await self.alert_rules(sources))

    def trace_url(self, trace_id: str, ops_config: Path | None) -> str | None:
        """Return the address under which people see a trace; None: no traces are kept.

        :param ops_config: the file that names the places; None: the defaults.
        :raises ConfigurationError: when the configuration cannot be read.
        """
        return trace_url(_config(ops_config), trace_id)


@cache
def _config(path: Path | None) -> OpsConfig:
    """Read the configuration once.

    :raises ConfigurationError: when it cannot be read.
    """
    return DEFAULT_CONFIG if path is None else load_config(path)


@cache
def _boards(path: Path | None) -> tuple[Board, ...]:
    return boards(_config(path))


def _board(uid: str, sources: MonitoringSources) -> Board:
    for board in _boards(sources.ops_config):
        if board.uid == uid:
            return board
    raise NotFound(f"There is no dashboard {uid}.")


def _panel(board: Board, panel_id: int) -> Panel:
    for panel in board.all_panels:
        if panel.id == panel_id:
            return panel
    raise NotFound(f"The dashboard {board.uid} has no panel {panel_id}.")


def _figures(sources: MonitoringSources) -> FigureSource:
    config = _config(sources.ops_config)
    if sources.prometheus_url:
        return PrometheusFigures(config, sources.prometheus_url)
    return OwnFigures(config, sources)


def _times(window: PanelWindow) -> list[float]:
    """Return the times of a graph's points, from its first on."""
    count = int((window.end - window.start) / window.step + 1e-9) + 1
    return [round(window.start + place * window.step, 3) for place in range(count)]
