"""Models, tools and sources: their durations, and the health of the providers."""

from __future__ import annotations

from vital_ops.dashboards.panel import INTERVAL, Panel, Query
from vital_ops.dashboards.quantiles import quantiles
from vital_ops.promql import max_by, rate, select, sum_by
from vital_shared.monitoring.instrument import Counter, Histogram
from vital_shared.monitoring.metrics import (
    LLM_BREAKER_OPEN,
    LLM_CALL_DURATION_SECONDS,
    LLM_FAILURES_TOTAL,
    LLM_FALLBACKS_TOTAL,
    LLM_RETRIES_TOTAL,
    RAG_BREAKER_OPEN,
    RAG_DURATION_SECONDS,
    TOOL_DURATION_SECONDS,
)

__all__ = ["providers"]


def providers() -> tuple[Panel, ...]:
    """Make the panels."""
    return (*_all_durations(), *_failures())


def _all_durations() -> tuple[Panel, ...]:
    return (
        _durations("model_durations", "Duration of model calls", LLM_CALL_DURATION_SECONDS, "model"),
        _durations("tool_durations", "Duration of tool calls", TOOL_DURATION_SECONDS, "tool"),
        _durations("source_durations", "Duration of searches", RAG_DURATION_SECONDS, "source"),
    )


def _failures() -> tuple[Panel, ...]:
    return (
        _by_kind(
            "provider_failures",
            "Failures of providers by kind",
            "Failed attempts at a model per second, including those that a retry has healed.",
            LLM_FAILURES_TOTAL,
        ),
        _by_kind(
            "retries",
            "Retries by kind",
            "Repeated attempts at a model per second, by the previous failure.",
            LLM_RETRIES_TOTAL,
        ),
        _by_kind(
            "fallbacks",
            "Fallbacks by kind",
            "Calls that went to the next model, each second, by the model that did not answer and why.",
            LLM_FALLBACKS_TOTAL,
        ),
        Panel(
            key="breakers",
            title="Breakers open",
            description="1 while a model or a source is not asked: it has failed several times in a row.",
            kind="lines",
            queries=(
                Query(max_by(select(LLM_BREAKER_OPEN), "model"), "{{model}}"),
                Query(max_by(select(RAG_BREAKER_OPEN), "source"), "{{source}}"),
            ),
            unit="short",
            decimals=0,
            least=0,
            most=1,
        ),
    )


def _by_kind(key: str, title: str, description: str, counter: Counter) -> Panel:
    return Panel(
        key=key,
        title=title,
        description=description,
        kind="lines",
        queries=(Query(sum_by(rate(counter, INTERVAL), "model", "kind"), "{{model}}, {{kind}}"),),
        unit="ops",
        least=0,
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
