"""Draw dashboards with Grafana's own model of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    gauge,
    heatmap,
    piechart,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.piechart import PieChartLegendValues
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from vital_ops.dashboards.panel import Board, Kind, Panel, Query
from vital_ops.promql import scoped
from vital_ops.rules.groups import EVERY_ALERT
from vital_shared.monitoring.metrics import MODE, WORKFLOW_REQUESTS_TOTAL

__all__ = ["draw"]

COLUMNS: Final = 24
HEIGHT: Final = 8
ROW_ID: Final = 100

SOURCE: Final = shared.DataSourceRef(type_val="prometheus", uid="${datasource}")

GOOD, BAD = "green", "red"


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
        .variables(list(_variables(board)))
        .annotation(_alerts())
        .annotation(_marks())
    )
    for other in others:
        drawn.link(_link(other))
    for panel in _placed(board, selector):
        if isinstance(panel, dashboard.Row):
            drawn.with_row(panel)
        else:
            drawn.with_panel(panel)
    return json.dumps(drawn.build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _variables(board: Board) -> Iterator[Any]:
    yield dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    yield _labels("mode", "Mode", MODE.name)
    if board.with_tenant:
        yield _labels("tenant", "Tenant", "tenant_id")


def _labels(name: str, title: str, label: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(title)
        .datasource(SOURCE)
        .query(f"label_values({WORKFLOW_REQUESTS_TOTAL.name}, {label})")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def _alerts() -> dashboard.AnnotationQuery:
    """Mark where alerts fired."""
    return (
        dashboard.AnnotationQuery()
        .name("Alerts")
        .datasource(SOURCE)
        .enable(True)
        .icon_color(BAD)
        .expr('ALERTS{alertstate="firing", alertname!="Watchdog"}')
        .title_format("{{alertname}}")
        .text_format("{{severity}}")
        .step("60s")
    )


def _marks() -> dashboard.AnnotationQuery:
    """Show what is marked in Grafana itself, such as the two times of a comparison."""
    return (
        dashboard.AnnotationQuery()
        .name("Marks")
        .datasource(shared.DataSourceRef(type_val="grafana", uid="-- Grafana --"))
        .enable(True)
        .icon_color("blue")
        .type("dashboard")
        .built_in(1)
    )


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
    """Place panels from left to right and from top to bottom; each has its number as its id."""
    x = y = 0
    for number, panel in enumerate(board.all_panels, 1):
        if x + panel.width > COLUMNS:
            x, y = 0, y + HEIGHT
        if board.section is not None and number == len(board.panels) + 1:
            x, y = 0, y + (HEIGHT if x else 0)
            yield (
                dashboard.Row(board.section.title)
                .id(ROW_ID)
                .grid_pos(models.GridPos(h=1, w=COLUMNS, x=0, y=y))
            )
            y += 1
        yield (
            _panel(panel, _watched(board, panel), selector)
            .id(number)
            .grid_pos(models.GridPos(h=HEIGHT, w=panel.width, x=x, y=y))
        )
        x += panel.width


def _watched(board: Board, panel: Panel) -> str:
    """Name the alerts that watch a panel."""
    shown = (board.uid, panel.key)
    names = dict.fromkeys(alert.name for alert in EVERY_ALERT if (alert.dashboard, alert.panel) == shown)
    return f" Watched by {', '.join(names)}." if names else ""


def _panel(panel: Panel, watched: str, selector: str) -> Any:
    drawn = (
        DRAWN[panel.kind]()
        .title(panel.title)
        .description(panel.description + watched)
        .datasource(SOURCE)
        .unit(panel.unit)
    )
    for number, query in enumerate(panel.queries):
        drawn.with_target(_target(query, panel.kind, selector).ref_id(chr(ord("A") + number)))
    if panel.limit is not None:
        drawn.thresholds(_thresholds(panel))
    return drawn


def _target(query: Query, kind: Kind, selector: str) -> prometheus.Dataquery:
    expr = scoped(query.expr, selector)
    target = prometheus.Dataquery().expr(expr).legend_format(query.legend).datasource(SOURCE)
    target = target.range() if kind in ("lines", "heatmap") else target.instant()
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
    steps = [models.Threshold(value=None, color=below), models.Threshold(value=limit.value, color=above)]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(shared.LegendDisplayMode.LIST)
        .placement(shared.LegendPlacement.BOTTOM)
    )


def _lines() -> timeseries.Panel:
    dashed = common.GraphThresholdsStyleConfig().mode(shared.GraphThresholdsStyleMode.DASHED)
    return (
        timeseries.Panel()
        .line_width(2)
        .fill_opacity(8)
        .show_points(shared.VisibilityMode.NEVER)
        .legend(_legend())
        .tooltip(
            common.VizTooltipOptions().mode(shared.TooltipDisplayMode.MULTI).sort(shared.SortOrder.DESCENDING)
        )
        .thresholds_style(dashed)
    )


def _pie() -> piechart.Panel:
    legend = (
        piechart.PieChartLegendOptions()
        .show_legend(True)
        .display_mode(shared.LegendDisplayMode.TABLE)
        .placement(shared.LegendPlacement.RIGHT)
        .values([PieChartLegendValues.PERCENT, PieChartLegendValues.VALUE])
    )
    return piechart.Panel().legend(legend).reduce_options(_last())


def _table() -> table.Panel:
    """Draw the labels as columns, and each query's value as another, by its name."""
    return table.Panel().transformations(
        [
            models.DataTransformerConfig(id_val="merge", options={}),
            models.DataTransformerConfig(id_val="organize", options={"excludeByName": {"Time": True}}),
        ]
    )


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])


DRAWN: Final[Mapping[Kind, Callable[[], Any]]] = {
    "bars": lambda: bargauge.Panel().reduce_options(_last()),
    "gauge": lambda: gauge.Panel().reduce_options(_last()).min(0).max(1),
    "heatmap": lambda: heatmap.Panel().show_legend(),
    "lines": _lines,
    "number": lambda: stat.Panel().reduce_options(_last()),
    "pie": _pie,
    "table": _table,
}
