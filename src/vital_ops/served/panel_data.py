"""The data of a panel: its series with their names, no more than the eye can distinguish."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ai_engine.monitoring.views import DataSource, PanelData, PanelSeries
from vital_ops.dashboards.panel import Panel
from vital_ops.served.figures import Evaluated

__all__ = ["IN_TIME", "panel_data"]

IN_TIME: Final = frozenset({"lines", "heatmap"})
"""The kinds of panels that show a time, and not just its end."""

BY_BUCKET: Final = frozenset({"bars", "heatmap"})

MAX_SERIES: Final = 100

_LABEL: Final = re.compile(r"\{\{(\w+)\}\}")


def panel_data(
    panel: Panel, results: Sequence[Sequence[Evaluated]], times: Sequence[float], source: DataSource
) -> PanelData:
    """Name the series of a panel's queries; of too many, those with the greatest values are kept."""
    every = [
        _named(query, panel.queries[query].legend, each)
        for query, result in enumerate(results)
        for each in (_apart(result) if panel.kind in BY_BUCKET else result)
    ]
    if panel.kind in BY_BUCKET:
        kept = every
    else:
        kept = sorted(every, key=_greatest, reverse=True)[:MAX_SERIES]
        kept.sort(key=lambda each: (each.query, each.name))
    return PanelData(
        times=tuple(times), series=tuple(kept), hidden_series=len(every) - len(kept), source=source
    )


def _named(query: int, legend: str, series: Evaluated) -> PanelSeries:
    name = _LABEL.sub(lambda found: series.labels.get(found[1], ""), legend)
    return PanelSeries(name=name, query=query, labels=dict(series.labels), values=tuple(series.values))


def _greatest(series: PanelSeries) -> float:
    return max((value for value in series.values if value is not None), default=0.0)


def _apart(buckets: Iterable[Evaluated]) -> list[Evaluated]:
    """Subtract from each bucket what the smaller one before it holds."""
    ordered = sorted(buckets, key=lambda each: _end(each.labels))
    smaller: Sequence[float | None] = ()
    found = []
    for each in ordered:
        values = [
            None if value is None else max(0.0, value - (before or 0.0))
            for value, before in zip(each.values, smaller or [0.0] * len(each.values), strict=True)
        ]
        found.append(Evaluated(each.labels, values))
        smaller = each.values
    return found


def _end(labels: Mapping[str, str]) -> float:
    return float(labels.get("le", "inf"))
