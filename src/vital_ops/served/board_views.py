"""Dashboards as the API shows them."""

from __future__ import annotations

from collections.abc import Iterator

from ai_engine.monitoring.views import (
    DashboardSummary,
    DashboardView,
    DataSource,
    PanelLimit,
    PanelQuery,
    PanelView,
    Variable,
)
from vital_ops.dashboards.panel import Board, Panel
from vital_ops.dashboards.placing import HEIGHT, placed_panels, rows
from vital_ops.durations import parse_seconds
from vital_ops.rules.groups import watching_alerts

__all__ = ["summary", "view"]


def summary(board: Board) -> DashboardSummary:
    """Show one line of the list."""
    return DashboardSummary(
        uid=board.uid,
        title=_title(board),
        description=board.description,
        panels=len(board.all_panels),
    )


def _title(board: Board) -> str:
    return board.title.removeprefix("VITAL / ")


def view(board: Board, variables: tuple[Variable, ...], source: DataSource) -> DashboardView:
    """Show a dashboard without its data."""
    return DashboardView(
        uid=board.uid,
        title=_title(board),
        description=board.description,
        refresh_seconds=parse_seconds(board.refresh),
        range_seconds=parse_seconds(board.since.removeprefix("now-")),
        variables=variables,
        panels=tuple(_panels(board)),
        source=source,
    )


def _panels(board: Board) -> Iterator[PanelView]:
    for section, row in rows(board):
        for placed in placed_panels(section, row):
            yield _panel(board, section.title, placed.panel, placed.x, placed.y)


def _panel(board: Board, section: str, panel: Panel, x: int, y: int) -> PanelView:
    limit = None if panel.limit is None else PanelLimit(value=panel.limit.value, good=panel.limit.good)
    return PanelView(
        id=panel.id,
        key=panel.key,
        title=panel.title,
        description=panel.description,
        section=section,
        kind=panel.kind,
        unit=panel.unit,
        decimals=panel.decimals,
        least=panel.least,
        most=panel.most,
        limit=limit,
        if_empty=panel.if_empty,
        queries=tuple(PanelQuery(legend=each.legend, unit=each.unit or panel.unit) for each in panel.queries),
        rows=panel.rows,
        x=x,
        y=y,
        width=panel.width,
        height=HEIGHT,
        alerts=watching_alerts(board.uid, panel.key),
    )
