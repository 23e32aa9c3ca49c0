"""Models, tools and sources: their durations, and the health of the providers."""

from __future__ import annotations

from vital_ops.dashboards.panel import INTERVAL, Panel, Query
from vital_ops.dashboards.quantiles import quantiles
from vital_ops.promql import rate, sum_by
from vital_shared.monitoring.instrument import Histogram
from vital_shared.monitoring.metrics import (
    LLM_CALL_DURATION_SECONDS,
    LLM_FAILURES_TOTAL,
    RAG_DURATION_SECONDS,
    TOOL_DURATION_SECONDS,
)

__all__ = ["providers"]


def providers() -> tuple[Panel, ...]:
    """Make the panels."""
    failures = sum_by(rate(LLM_FAILURES_TOTAL, INTERVAL), "model", "kind")
    return (
        _durations("model_durations", "Duration of model calls", LLM_CALL_DURATION_SECONDS, "model"),
        _durations("tool_durations", "Duration of tool calls", TOOL_DURATION_SECONDS, "tool"),
        _durations("source_durations", "Duration of searches", RAG_DURATION_SECONDS, "source"),
        Panel(
            key="provider_failures",
            title="Failures of providers by kind",
            description="Attempts at a model that failed, each second; also those that a retry has healed.",
            kind="lines",
            queries=(Query(failures, "{{model}}, {{kind}}"),),
            unit="ops",
            least=0,
        ),
    )


def _durations(key: str, title: str, histogram: Histogram, label: str) -> Panel:
    return Panel(
        key=key,
        title=title,
        description=f"The median, and the time within which 19 of 20 end, by {label}.",
        kind="lines",
        queries=quantiles(histogram, 0.5, 0.95, label=label),
        unit="s",
        least=0,
    )
