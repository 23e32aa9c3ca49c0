"""Performance Overview: whether the service is fast, right and in use."""

from __future__ import annotations

from typing import Final

from vital_ops.dashboards.panel import (
    INTERVAL,
    MODE,
    RANGE,
    TENANT,
    WORKFLOW,
    Board,
    Limit,
    Panel,
    Query,
    Section,
)
from vital_ops.dashboards.quantiles import quantiles
from vital_ops.definitions import ANSWERED
from vital_ops.promql import (
    increase,
    increase_from_birth,
    mean,
    quantile,
    rate,
    ratio,
    recorded,
    select,
    sum_by,
    top,
)
from vital_ops.report.targets import HIT_RATE, SUCCESS_RATE
from vital_ops.rules.recording import ALL, DURATION, ERROR_RATIO, error_ratio, hit_ratio
from vital_ops.thresholds import Thresholds
from vital_ops.uids import PERFORMANCE
from vital_shared.monitoring.metrics import (
    DEGRADATIONS_TOTAL,
    INTER_TOKEN_SECONDS,
    NODE_DURATION_SECONDS,
    PARALLEL_SECONDS_SAVED_TOTAL,
    QUALITY_SCORE,
    STREAM_CONNECTIONS,
    TIME_TO_FIRST_TOKEN_SECONDS,
    WORKFLOW_ACTIVE,
    WORKFLOW_AFTER_GRAPH_SECONDS,
    WORKFLOW_BEFORE_GRAPH_SECONDS,
    WORKFLOW_DURATION_SECONDS,
    WORKFLOW_REQUESTS_TOTAL,
)

__all__ = ["performance"]

TOP_ROWS: Final = 10

_requests, _duration = WORKFLOW_REQUESTS_TOTAL, WORKFLOW_DURATION_SECONDS
_mine: Final = {"mode": MODE, "tenant_id": TENANT, "workflow": WORKFLOW}


def _latency(share: float, window: str) -> tuple[Query, ...]:
    """Draw a percentile of durations and the median: over all as an alert judges it, and by mode."""
    return (
        *(
            Query(recorded(DURATION, quantile=str(each)), f"P{each * 100:g}, all modes")
            for each in (share, 0.5)
        ),
        *quantiles(_duration, share, 0.5, window=window),
    )


def performance(thresholds: Thresholds) -> Board:
    """Make it."""
    return Board(
        uid=PERFORMANCE,
        title="VITAL / Performance Overview",
        description="For engineering managers, operators and executives: is the service fast and right?",
        refresh="30s",
        since="now-1h",
        panels=_overview(thresholds),
        sections=(Section("Streaming and parallelism", _streaming()),),
    )


def _overview(thresholds: Thresholds) -> tuple[Panel, ...]:
    chosen = error_ratio(thresholds["HighErrorRate"].range, **_mine)
    answered = sum_by(increase(_requests, RANGE, outcome=ANSWERED, **_mine))
    by_tenant = increase_from_birth(_requests, RANGE, "tenant_id", **_mine)
    return (
        Panel(
            key="request_rate",
            title="Overall request rate",
            description="Finished requests per second, by mode: how much the service is used.",
            kind="lines",
            queries=(Query(sum_by(rate(_requests, INTERVAL, **_mine), "mode"), "mode {{mode}}"),),
            unit="reqps",
        ),
        Panel(
            key="average_response_time",
            title="Average response time",
            description="By mode and by whether the cache had the answer. Excludes waits for a person.",
            kind="lines",
            queries=(
                Query(
                    mean(_duration, INTERVAL, "mode", "cache_status", mode=MODE, workflow=WORKFLOW),
                    "mode {{mode}}, {{cache_status}}",
                ),
            ),
            unit="s",
        ),
        Panel(
            key="p95_latency",
            title="P95 latency",
            description="19 of 20 requests take no longer; for comparison, the median.",
            kind="lines",
            queries=_latency(0.95, thresholds["HighLatency"].range),
            unit="s",
            least=0,
            limit=Limit(thresholds["HighLatency"].value, "below"),
        ),
        Panel(
            key="p99_latency",
            title="P99 latency",
            description="99 of 100 requests take no longer; for comparison, the median.",
            kind="lines",
            queries=_latency(0.99, thresholds["VeryHighLatency"].range),
            unit="s",
            least=0,
            limit=Limit(thresholds["VeryHighLatency"].value, "below"),
        ),
        Panel(
            key="error_rate",
            title="Error rate",
            description="The share of requests that failed; a degraded answer is not a failure.",
            kind="lines",
            queries=(
                Query(recorded(ERROR_RATIO), "all requests"),
                Query(chosen, "chosen modes, tenants and workflows"),
            ),
            unit="percentunit",
            decimals=1,
            least=0,
            limit=Limit(thresholds["HighErrorRate"].value, "below"),
        ),
        Panel(
            key="cache_hit_rate",
            title="Cache hit rate gauge",
            description="The share of cacheable requests of modes 1 and 2 that the cache answered.",
            kind="gauge",
            queries=(Query(hit_ratio(RANGE), "hit rate"),),
            unit="percentunit",
            decimals=1,
            least=0,
            most=1,
            if_empty="The cache was not asked",
            limit=Limit(HIT_RATE, "above"),
        ),
        Panel(
            key="requests_by_mode",
            title="Requests by mode",
            description="Research or chat, with tools approved by the user or run at once.",
            kind="pie",
            queries=(Query(sum_by(increase(_requests, RANGE, **_mine), "mode"), "mode {{mode}}"),),
            unit="short",
        ),
        Panel(
            key="quality_scores",
            title="Quality score heatmap",
            description="Quality of answers, from 0 to 1; the brighter a cell, the more answers.",
            kind="heatmap",
            queries=(Query(sum_by(increase(QUALITY_SCORE, INTERVAL, "bucket", mode=MODE), "le"), "{{le}}"),),
            unit="percentunit",
        ),
        Panel(
            key="degraded_responses",
            title="Degraded responses",
            description="Degraded answers per second, by reason.",
            kind="lines",
            queries=(Query(sum_by(rate(DEGRADATIONS_TOTAL, INTERVAL, mode=MODE), "reason"), "{{reason}}"),),
            unit="reqps",
        ),
        Panel(
            key="active_workflows",
            title="Active workflows",
            description="Requests in flight now.",
            kind="number",
            queries=(Query(sum_by(select(WORKFLOW_ACTIVE, mode=MODE, workflow=WORKFLOW)), "active"),),
            unit="short",
        ),
        Panel(
            key="success_rate",
            title="Success rate gauge",
            description="Requests with an answer, even a degraded one, of those not cancelled.",
            kind="gauge",
            queries=(
                Query(ratio(answered, sum_by(increase(_requests, RANGE, outcome=ALL, **_mine))), "answered"),
            ),
            unit="percentunit",
            decimals=1,
            least=0,
            most=1,
            if_empty="No requests ended",
            limit=Limit(SUCCESS_RATE, "above"),
        ),
        Panel(
            key="top_tenants",
            title="Top tenants",
            description="The tenants with the most requests; other is all that are not named.",
            kind="table",
            queries=(Query(top(TOP_ROWS, by_tenant), "Requests"),),
            unit="short",
            decimals=0,
            rows=("tenant_id",),
        ),
    )


def _streaming() -> tuple[Panel, ...]:
    ways = {"mode": MODE}
    chosen = {"mode": MODE, "workflow": WORKFLOW}
    sequential = sum_by(rate(_duration, INTERVAL, "count", execution="sequential", **chosen))
    return (
        Panel(
            key="time_to_first_token",
            title="Time to first token",
            description="From the request to the first piece of its answer, as the caller sees it.",
            kind="lines",
            queries=quantiles(TIME_TO_FIRST_TOKEN_SECONDS, 0.5, 0.95, 0.99),
            unit="s",
            limit=Limit(2, "below"),
        ),
        Panel(
            key="inter_token",
            title="Gap between pieces",
            description="The reader's wait for the next piece of an answer, by model.",
            kind="lines",
            queries=quantiles(INTER_TOKEN_SECONDS, 0.5, 0.95, label="model"),
            unit="s",
        ),
        Panel(
            key="parallel_saved",
            title="Seconds saved in parallel",
            description="Time saved by running nodes together: the sum of their times minus the wall time.",
            kind="lines",
            queries=(
                Query(sum_by(rate(PARALLEL_SECONDS_SAVED_TOTAL, INTERVAL, **ways), "mode"), "mode {{mode}}"),
            ),
            unit="s",
        ),
        Panel(
            key="parallel_sequential",
            title="Parallel beside sequential",
            description="Average and P95 of requests with parallel nodes, and with sequential nodes.",
            kind="lines",
            queries=(
                Query(mean(_duration, INTERVAL, "execution", **chosen), "average, {{execution}}"),
                Query(quantile(0.95, _duration, INTERVAL, "execution", **chosen), "P95, {{execution}}"),
            ),
            unit="s",
        ),
        Panel(
            key="nodes",
            title="Nodes",
            description="P95 of each node's duration: where the time goes.",
            kind="lines",
            queries=quantiles(NODE_DURATION_SECONDS, 0.95, label="node"),
            unit="s",
        ),
        Panel(
            key="around_graph",
            title="Time before and after the graph",
            description="P95 of checks, cache and a run's row before the nodes, and of storing its end.",
            kind="lines",
            queries=tuple(
                Query(quantile(0.95, each, INTERVAL, "mode", **chosen), f"P95 {name}, mode {{{{mode}}}}")
                for each, name in (
                    (WORKFLOW_BEFORE_GRAPH_SECONDS, "before"),
                    (WORKFLOW_AFTER_GRAPH_SECONDS, "after"),
                )
            ),
            unit="s",
            least=0,
        ),
        Panel(
            key="streams_sequential",
            title="Streams and sequential requests",
            description="Open event streams, and sequential requests per second.",
            kind="lines",
            queries=(
                Query(sum_by(select(STREAM_CONNECTIONS)), "open streams"),
                Query(sequential, "sequential requests a second"),
            ),
            unit="short",
        ),
    )
