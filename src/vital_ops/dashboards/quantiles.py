"""Percentiles of a histogram, as queries of a panel."""

from __future__ import annotations

from vital_ops.dashboards.panel import INTERVAL, MODE, WORKFLOW, Query
from vital_ops.promql import quantile
from vital_shared.monitoring.instrument import Histogram

__all__ = ["quantiles"]


def quantiles(
    histogram: Histogram, *shares: float, label: str = "mode", window: str = INTERVAL
) -> tuple[Query, ...]:
    """Draw percentiles beside each other, by a label."""
    names = {each.name for each in histogram.label_set}
    chosen = {"mode": MODE, "workflow": WORKFLOW}
    matches = {name: value for name, value in chosen.items() if name in names}
    return tuple(
        Query(
            quantile(share, histogram, window, label, **matches), f"P{share * 100:g} {label} {{{{{label}}}}}"
        )
        for share in shares
    )
