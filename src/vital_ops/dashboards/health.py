"""System Health: which part is ill."""

from __future__ import annotations

from vital_ops.config import Thresholds
from vital_ops.dashboards.panel import INTERVAL, MODE, RANGE, Board, Limit, Panel, Query, Section
from vital_ops.promql import increase, mean, rate, ratio, select, sum_by
from vital_ops.report.targets import RAG_SUCCESS_RATE, TOOL_SUCCESS_RATE
from vital_ops.rules.recording import TRIED
from vital_ops.uids import HEALTH
from vital_shared.monitoring.instrument import Counter
from vital_shared.monitoring.metrics import (
    AGENT_USAGE_TOTAL,
    BUILD_INFO,
    CHARGES_FLAGGED_TOTAL,
    CONNECTION_POOL_IN_USE,
    CONNECTION_POOL_SIZE,
    QUALITY_SCORE,
    RAG_RETRIEVALS_TOTAL,
    STORE_DEAD_LETTERS,
    STREAM_CONNECTIONS,
    TOOL_EXECUTIONS_TOTAL,
    WARNINGS_TOTAL,
    WORKFLOW_ERRORS_TOTAL,
)

__all__ = ["health"]


def health(thresholds: Thresholds) -> Board:
    """Make it."""
    return Board(
        uid=HEALTH,
        title="VITAL / System Health",
        description="For DevOps, SRE and whoever is on call: which part is ill?",
        refresh="10s",
        since="now-30m",
        panels=(*_parts(thresholds), *_work()),
        section=Section("Store", (_set_aside(),)),
        with_tenant=False,
    )


def _parts(thresholds: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            key="build",
            title="Build",
            description="What runs: version, commit and environment.",
            kind="table",
            queries=(Query(sum_by(select(BUILD_INFO), *BUILD_INFO.facts), "processes"),),
            unit="short",
        ),
        Panel(
            key="connection_pools",
            title="Connection pools",
            description="Connections in use, and how many there may be.",
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
            title="Errors by type",
            description="What failed requests failed of.",
            kind="pie",
            queries=(
                Query(
                    sum_by(increase(WORKFLOW_ERRORS_TOTAL, RANGE, mode=MODE), "error_type"), "{{error_type}}"
                ),
            ),
            unit="short",
        ),
        Panel(
            key="quality",
            title="Quality",
            description="Mean quality of answers, by mode.",
            kind="lines",
            queries=(
                Query(mean(QUALITY_SCORE, INTERVAL, "mode", mode=MODE, answerable="true"), "mode {{mode}}"),
            ),
            unit="percentunit",
            limit=Limit(thresholds["LowQualityScore"].value, "above"),
        ),
        Panel(
            key="warnings",
            title="Warnings",
            description="What users were warned of, each second, by type.",
            kind="lines",
            queries=(Query(sum_by(rate(WARNINGS_TOTAL, INTERVAL, mode=MODE), "warning"), "{{warning}}"),),
            unit="ops",
        ),
    )


def _success(counter: Counter, **matches: str) -> str:
    good = sum_by(increase(counter, RANGE, status="success", **matches))
    return ratio(good, sum_by(increase(counter, RANGE, status=TRIED, **matches)))


def _work() -> tuple[Panel, ...]:
    return (
        Panel(
            key="tool_success",
            title="Tool success rate",
            description="Of the calls that were made; those that a user did not approve do not count.",
            kind="gauge",
            queries=(Query(_success(TOOL_EXECUTIONS_TOTAL), "success"),),
            unit="percentunit",
            limit=Limit(TOOL_SUCCESS_RATE, "above"),
        ),
        Panel(
            key="rag_success",
            title="RAG success rate",
            description="Searches of sources that gave an answer, in time.",
            kind="gauge",
            queries=(Query(_success(RAG_RETRIEVALS_TOTAL, mode=MODE), "success"),),
            unit="percentunit",
            limit=Limit(RAG_SUCCESS_RATE, "above"),
        ),
        Panel(
            key="agent_usage",
            title="Agent usage",
            description="Requests by agent, in the time that is shown.",
            kind="table",
            queries=(Query(sum_by(increase(AGENT_USAGE_TOTAL, RANGE), "agent_id"), "requests"),),
            unit="short",
        ),
        Panel(
            key="uptime",
            title="Uptime",
            description="How long the engine has run, by where it is scraped.",
            kind="number",
            queries=(Query("time() - max by (instance) (process_start_time_seconds)", "{{instance}}"),),
            unit="s",
        ),
    )


def _set_aside() -> Panel:
    return Panel(
        key="set_aside",
        title="Writes set aside",
        description="Writes that can never succeed, and charges that were clamped or estimated.",
        kind="lines",
        queries=(
            Query(f"max({select(STORE_DEAD_LETTERS)})", "set aside"),
            Query(sum_by(increase(CHARGES_FLAGGED_TOTAL, RANGE), "flag"), "{{flag}}"),
        ),
        unit="short",
    )
