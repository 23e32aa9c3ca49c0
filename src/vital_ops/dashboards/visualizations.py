"""The kinds of panels, as Grafana draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, common, gauge, heatmap, piechart, stat, timeseries
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models.piechart import PieChartLegendValues

from vital_ops.dashboards.panel import Kind, Panel
from vital_ops.dashboards.tables import draw_table

__all__ = ["draw_empty"]


def draw_empty(panel: Panel) -> Any:
    """Draw a panel of its kind that has no queries yet."""
    return _DRAWN[panel.kind](panel)


def _lines(_: Panel) -> timeseries.Panel:
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


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(shared.LegendDisplayMode.LIST)
        .placement(shared.LegendPlacement.BOTTOM)
    )


def _pie(_: Panel) -> piechart.Panel:
    legend = (
        piechart.PieChartLegendOptions()
        .show_legend(True)
        .display_mode(shared.LegendDisplayMode.TABLE)
        .placement(shared.LegendPlacement.RIGHT)
        .values([PieChartLegendValues.PERCENT, PieChartLegendValues.VALUE])
    )
    return piechart.Panel().legend(legend).reduce_options(_last())


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])


_DRAWN: Final[Mapping[Kind, Callable[[Panel], Any]]] = {
    "bars": lambda _: bargauge.Panel().reduce_options(_last()),
    "gauge": lambda _: gauge.Panel().reduce_options(_last()),
    "heatmap": lambda _: heatmap.Panel().show_legend(),
    "lines": _lines,
    "number": lambda _: stat.Panel().reduce_options(_last()),
    "pie": _pie,
    "table": draw_table,
}
