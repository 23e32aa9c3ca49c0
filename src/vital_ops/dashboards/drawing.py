"""Draw dashboards with Grafana's own model of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard, prometheus
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from vital_ops.dashboards.annotations import board_annotations
from vital_ops.dashboards.panel import Board, Kind, Panel, Query, stable_id
from vital_ops.dashboards.placing import COLUMNS, HEIGHT, placed_panels, rows
from vital_ops.dashboards.scope import board_scope
from vital_ops.dashboards.tables import query_id
from vital_ops.dashboards.variables import SOURCE, variables
from vital_ops.dashboards.visualizations import draw_empty
from vital_ops.promql import scoped
from vital_ops.rules.groups import watching_alerts
from vital_ops.rules.recording import RECORDED_PREFIX

__all__ = ["draw"]

GOOD, WARNING, BAD = "green", "yellow", "red"

OVER_ALL_ENGINES: Final = (
    " Recorded figures are over all engines, as alerts judge them: choices do not apply."
)


def draw(board: Board, others: Sequence[Board], selector: str) -> str:
    """Write a dashboard as the JSON that Grafana reads.

    :param others: those that it links to.
    :param selector: the matchers that say which engines it shows.
    """
    drawn = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(["vital"])
        .refresh(board.refresh)
        .time(board.since, "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .variables(list(variables(board, selector)))
    )
    for annotation in board_annotations(selector):
        drawn.annotation(annotation)
    for other in others:
        drawn.link(_link(other))
    for panel in _placed(board, selector):
        if isinstance(panel, dashboard.Row):
            drawn.with_row(panel)
        else:
            drawn.with_panel(panel)
    return json.dumps(drawn.build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _link(other: Board) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink(other.title)
        .type(models.DashboardLinkType.LINK)
        .url(f"/d/{other.uid}")
        .tooltip(other.description)
        .keep_time(True)
        .include_vars(True)
    )


def _placed(board: Board, selector: str) -> Iterator[Any]:
    """Place panels from left to right and from top to bottom, each section below its heading."""
    for section, row in rows(board):
        if section.title:
            yield (
                dashboard.Row(section.title)
                .id(stable_id(f"section {section.title}"))
                .grid_pos(models.GridPos(h=1, w=COLUMNS, x=0, y=row))
            )
        for placed in placed_panels(section, row):
            panel = placed.panel
            at = models.GridPos(h=HEIGHT, w=panel.width, x=placed.x, y=placed.y)
            yield _panel(board, panel, selector).id(panel.id).grid_pos(at)


def _panel(board: Board, panel: Panel, selector: str) -> Any:
    drawn = (
        draw_empty(panel)
        .title(panel.title)
        .description(_description(board, panel))
        .datasource(SOURCE)
        .unit(panel.unit)
        .no_value(panel.if_empty)
    )
    for number, query in enumerate(panel.queries):
        drawn.with_target(_target(query, panel.kind, selector).ref_id(query_id(number)))
    if panel.decimals is not None:
        drawn.decimals(panel.decimals)
    if panel.least is not None:
        drawn.min(panel.least)
    if panel.most is not None:
        drawn.max(panel.most)
    if panel.limit is not None:
        drawn.thresholds(_thresholds(panel))
    return drawn


def _description(board: Board, panel: Panel) -> str:
    recorded = any(RECORDED_PREFIX in query.expr for query in panel.queries)
    names = watching_alerts(board.uid, panel.key)
    watched = f" Watched by {', '.join(names)}." if names else ""
    return panel.description + (OVER_ALL_ENGINES if recorded else "") + watched


def _target(query: Query, kind: Kind, selector: str) -> prometheus.Dataquery:
    expr = scoped(query.expr, board_scope(selector))
    target = prometheus.Dataquery().expr(expr).legend_format(query.legend).datasource(SOURCE)
    if kind not in ("lines", "heatmap"):
        target = target.instant()
    else:
        target = target.range()
        if "_bucket{" in expr:
            target.exemplar(True)
    return target.format(FORMATS.get(kind, PromQueryFormat.TIME_SERIES))


FORMATS: Final[Mapping[Kind, PromQueryFormat]] = {
    "bars": PromQueryFormat.HEATMAP,
    "heatmap": PromQueryFormat.HEATMAP,
    "table": PromQueryFormat.TABLE,
}


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    limit = panel.limit
    assert limit is not None  # noqa: S101 - the caller has looked
    below, above = (GOOD, BAD) if limit.good == "below" else (BAD, GOOD)
    steps = [
        models.Threshold(value=None, color=below),
        *(models.Threshold(value=value, color=WARNING) for value in limit.warnings),
        models.Threshold(value=limit.value, color=above),
    ]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
