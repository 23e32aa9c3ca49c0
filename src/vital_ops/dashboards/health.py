"""System Health: which part is ill."""

from __future__ import annotations

from typing import Final

from vital_ops.dashboards.panel import INTERVAL, MODE, RANGE, WORKFLOW, Board, Limit, Panel, Query, Section
from vital_ops.promql import (
    calculate,
    foreign,
    increase,
    max_by,
    rate,
    recorded,
    seconds_since,
    select,
    sum_by,
)
from vital_ops.rules.recording import (
    MEAN_QUALITY,
    RAG_FAILURE_RATIO,
    TOOL_FAILURE_RATIO,
    failure_ratio,
    mean_quality,
)
from vital_ops.thresholds import Thresholds
from vital_ops.uids import HEALTH
from vital_shared.monitoring.instrument import Counter
from vital_shared.monitoring.metrics import (
    AGENT_USAGE_TOTAL,
    ANSWER_PROBABILITY,
    BUILD_INFO,
    CONNECTION_POOL_IN_USE,
    CONNECTION_POOL_SIZE,
    RAG_RETRIEVALS_TOTAL,
    STREAM_CONNECTIONS,
    TOOL_EXECUTIONS_TOTAL,
    WARNINGS_TOTAL,
    WORKFLOW_ERRORS_TOTAL,
)

__all__ = ["health"]


_STARTED: Final = max_by(foreign("process_start_time_seconds"), "instance")


def health(thresholds: Thresholds) -> Board:
    """Make it."""
    return Board(
        uid=HEALTH,
        title="VITAL / System Health",
        description="For DevOps, SRE and on-call engineers: which part is ill?",
        refresh="10s",
        since="now-30m",
        panels=(*_parts(thresholds), *_work(thresholds)),
        sections=(Section("Answers", _answers()),),
    )


def _parts(thresholds: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            key="build",
            title="Build information",
            description="The version, commit and environment of what runs; two at once during a deploy.",
            kind="table",
            queries=(Query(sum_by(select(BUILD_INFO), *BUILD_INFO.facts), "Processes"),),
            unit="short",
            rows=tuple(BUILD_INFO.facts),
        ),
        Panel(
            key="connection_pools",
            title="Connection pool status",
            description="Connections in use, and the maximum.",
            kind="lines",
            queries=(
                Query(sum_by(select(CONNECTION_POOL_IN_USE), "pool"), "{{pool}}, in use"),
                Query(sum_by(select(CONNECTION_POOL_SIZE), "pool"), "{{pool}}, size"),
            ),
            unit="short",
        ),
        Panel(
            key="active_connections",
            title="Active connections",
            description="Open event streams, and connections to the store and the providers that are in use.",
            kind="lines",
            queries=(
                Query(sum_by(select(STREAM_CONNECTIONS)), "event streams"),
                Query(sum_by(select(CONNECTION_POOL_IN_USE)), "to others"),
            ),
            unit="short",
        ),
        Panel(
            key="errors_by_type",
            title="Error types distribution",
            description="Failed requests by the type of their error.",
            kind="pie",
            queries=(
                Query(
                    sum_by(
                        increase(WORKFLOW_ERRORS_TOTAL, RANGE, mode=MODE, workflow=WORKFLOW), "error_type"
                    ),
                    "{{error_type}}",
                ),
            ),
            unit="short",
        ),
        Panel(
            key="quality",
            title="Quality score trend",
            description="Mean quality of answers, by mode.",
            kind="lines",
            queries=(
                Query(recorded(MEAN_QUALITY), "all modes"),
                Query(mean_quality(thresholds["LowQualityScore"].range, "mode", mode=MODE), "mode {{mode}}"),
            ),
            unit="percentunit",
            decimals=1,
            least=0,
            most=1,
            limit=Limit(thresholds["LowQualityScore"].value, "above"),
        ),
        Panel(
            key="warnings",
            title="Warnings rate",
            description="Warnings to users each second, by type.",
            kind="lines",
            queries=(Query(sum_by(rate(WARNINGS_TOTAL, INTERVAL, mode=MODE), "warning"), "{{warning}}"),),
            unit="ops",
        ),
    )


def _success(counter: Counter, failures: str, **matches: str) -> tuple[Query, ...]:
    """Draw the share that succeeded: in the time shown, and as the alert judges it now."""
    return (
        Query(calculate(1, "-", failure_ratio(counter, RANGE, **matches)), "in the time shown"),
        Query(calculate(1, "-", recorded(failures)), "now, as the alert judges it"),
    )


def _work(thresholds: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            key="tool_success",
            title="Tool success rate",
            description="Of the calls made; calls that a user did not approve do not count.",
            kind="gauge",
            queries=_success(TOOL_EXECUTIONS_TOTAL, TOOL_FAILURE_RATIO),
            unit="percentunit",
            decimals=1,
            least=0,
            most=1,
            if_empty="No tool was called",
            limit=Limit(1 - thresholds["HighToolFailureRate"].value, "above"),
        ),
        Panel(
            key="rag_success",
            title="RAG success rate",
            description="Searches of sources that gave an answer, in time.",
            kind="gauge",
            queries=_success(RAG_RETRIEVALS_TOTAL, RAG_FAILURE_RATIO, mode=MODE),
            unit="percentunit",
            decimals=1,
            least=0,
            most=1,
            if_empty="Nothing was searched",
            limit=Limit(1 - thresholds["HighRAGFailureRate"].value, "above"),
        ),
        Panel(
            key="agent_usage",
            title="Agent usage",
            description="Requests by agent, in the time shown.",
            kind="table",
            queries=(Query(sum_by(increase(AGENT_USAGE_TOTAL, RANGE), "agent_id"), "Requests"),),
            unit="short",
            decimals=0,
            rows=("agent_id",),
        ),
        Panel(
            key="uptime",
            title="System uptime",
            description="Time since the engine's start, by instance.",
            kind="number",
            queries=(Query(seconds_since(_STARTED), "{{instance}}"),),
            unit="s",
        ),
    )


def _answers() -> tuple[Panel, ...]:
    return (
        Panel(
            key="answer_probability",
            title="Answer probability heatmap",
            description="Probability that given answers are right; the brighter a cell, the more answers.",
            kind="heatmap",
            queries=(
                Query(sum_by(increase(ANSWER_PROBABILITY, INTERVAL, "bucket", mode=MODE), "le"), "{{le}}"),
            ),
            unit="percentunit",
        ),
    )
