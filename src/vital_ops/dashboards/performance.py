"""Performance Overview: whether the service is fast, right and in use."""

from __future__ import annotations

from typing import Final

from vital_ops.config import Thresholds
from vital_ops.dashboards.panel import INTERVAL, MODE, RANGE, TENANT, Board, Limit, Panel, Query, Section
from vital_ops.promql import increase, mean, quantile, rate, ratio, select, sum_by
from vital_ops.report.targets import HIT_RATE, SUCCESS_RATE
from vital_ops.rules.recording import ALL, CACHED_MODES, LOOKED_UP
from vital_ops.uids import PERFORMANCE
from vital_shared.monitoring.instrument import Histogram
from vital_shared.monitoring.metrics import (
    DEGRADATIONS_TOTAL,
    INTER_TOKEN_SECONDS,
    NODE_DURATION_SECONDS,
    PARALLEL_SECONDS_SAVED_TOTAL,
    QUALITY_SCORE,
    STREAM_CONNECTIONS,
    TIME_TO_FIRST_TOKEN_SECONDS,
    WORKFLOW_ACTIVE,
    WORKFLOW_DURATION_SECONDS,
    WORKFLOW_REQUESTS_TOTAL,
)

__all__ = ["performance"]

TOP: Final = 10

_requests, _duration = WORKFLOW_REQUESTS_TOTAL, WORKFLOW_DURATION_SECONDS
_mine: Final = {"mode": MODE, "tenant_id": TENANT}


def _quantiles(histogram: Histogram, *shares: float, label: str = "mode") -> tuple[Query, ...]:
    """Draw percentiles beside each other, by a label."""
    matches = {"mode": MODE} if "mode" in {each.name for each in histogram.labels} else {}
    return tuple(
        Query(
            quantile(share, histogram, INTERVAL, label, **matches),
            f"P{share * 100:g} {label} {{{{{label}}}}}",
        )
        for share in shares
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
        section=Section("Streaming and parallelism", _streaming()),
    )


def _overview(thresholds: Thresholds) -> tuple[Panel, ...]:
    failed = sum_by(rate(_requests, INTERVAL, outcome="failed", **_mine))
    ended = sum_by(rate(_requests, INTERVAL, outcome=ALL, **_mine))
    hits = sum_by(increase(_duration, RANGE, "count", mode=CACHED_MODES, cache_status="hit"))
    looked_up = sum_by(increase(_duration, RANGE, "count", mode=CACHED_MODES, cache_status=LOOKED_UP))
    answered = sum_by(increase(_requests, RANGE, outcome=("success", "degraded"), **_mine))
    return (
        Panel(
            key="request_rate",
            title="Request rate",
            description="Requests that ended, each second, by mode: how much the service is used.",
            kind="lines",
            queries=(Query(sum_by(rate(_requests, INTERVAL, **_mine), "mode"), "mode {{mode}}"),),
            unit="reqps",
        ),
        Panel(
            key="average_response_time",
            title="Average response time",
            description="By mode and by whether the cache knew the answer. Waits for a person do not count.",
            kind="lines",
            queries=(
                Query(
                    mean(_duration, INTERVAL, "mode", "cache_status", mode=MODE),
                    "mode {{mode}}, {{cache_status}}",
                ),
            ),
            unit="s",
        ),
        Panel(
            key="p95_latency",
            title="P95 latency",
            description="Nineteen of twenty requests take no longer; beside it, half of them.",
            kind="lines",
            queries=_quantiles(_duration, 0.95, 0.5),
            unit="s",
            limit=Limit(thresholds["HighLatency"].value, "below"),
        ),
        Panel(
            key="p99_latency",
            title="P99 latency",
            description="99 of 100 requests take no longer; beside it, half of them.",
            kind="lines",
            queries=_quantiles(_duration, 0.99, 0.5),
            unit="s",
            limit=Limit(thresholds["VeryHighLatency"].value, "below"),
        ),
        Panel(
            key="error_rate",
            title="Error rate",
            description="The share of requests that failed; a degraded answer is none.",
            kind="lines",
            queries=(Query(ratio(failed, ended), "failed"),),
            unit="percentunit",
            limit=Limit(thresholds["HighErrorRate"].value, "below"),
        ),
        Panel(
            key="cache_hit_rate",
            title="Cache hit rate",
            description="Of the requests that the cache was asked for, those that it answered.",
            kind="gauge",
            queries=(Query(ratio(hits, looked_up), "hit rate"),),
            unit="percentunit",
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
            title="Quality scores",
            description="How good answers are, from 0 to 1; the brighter, the more of them.",
            kind="heatmap",
            queries=(Query(sum_by(increase(QUALITY_SCORE, INTERVAL, "bucket", mode=MODE), "le"), "{{le}}"),),
            unit="percentunit",
        ),
        Panel(
            key="degraded_responses",
            title="Degraded responses",
            description="Answers that had to do without something, each second, by what.",
            kind="lines",
            queries=(Query(sum_by(rate(DEGRADATIONS_TOTAL, INTERVAL, mode=MODE), "reason"), "{{reason}}"),),
            unit="reqps",
        ),
        Panel(
            key="active_workflows",
            title="Active workflows",
            description="Requests in flight now.",
            kind="number",
            queries=(Query(sum_by(select(WORKFLOW_ACTIVE, mode=MODE)), "active"),),
            unit="short",
        ),
        Panel(
            key="success_rate",
            title="Success rate",
            description="Requests with an answer, a degraded one included, of those that were not cancelled.",
            kind="gauge",
            queries=(
                Query(ratio(answered, sum_by(increase(_requests, RANGE, outcome=ALL, **_mine))), "answered"),
            ),
            unit="percentunit",
            limit=Limit(SUCCESS_RATE, "above"),
        ),
        Panel(
            key="top_tenants",
            title="Top tenants",
            description="Who asks the most. Tenants beyond the bound of named ones are together in other.",
            kind="table",
            queries=(
                Query(f"topk({TOP}, {sum_by(increase(_requests, RANGE, **_mine), 'tenant_id')})", "requests"),
            ),
            unit="short",
        ),
    )


def _streaming() -> tuple[Panel, ...]:
    ways = {"mode": MODE}
    sequential = sum_by(rate(_duration, INTERVAL, "count", execution="sequential", **ways))
    return (
        Panel(
            key="time_to_first_token",
            title="Time to first token",
            description="From the request to the first piece of its answer, as the caller sees it.",
            kind="lines",
            queries=_quantiles(TIME_TO_FIRST_TOKEN_SECONDS, 0.5, 0.95, 0.99),
            unit="s",
            limit=Limit(2, "below"),
        ),
        Panel(
            key="inter_token",
            title="Gap between pieces",
            description="How long the reader waits for the next piece of an answer, by model.",
            kind="lines",
            queries=_quantiles(INTER_TOKEN_SECONDS, 0.5, 0.95, label="model"),
            unit="s",
        ),
        Panel(
            key="parallel_saved",
            title="Seconds saved in parallel",
            description="What nodes took together less what it took to run them, each second.",
            kind="lines",
            queries=(
                Query(sum_by(rate(PARALLEL_SECONDS_SAVED_TOTAL, INTERVAL, **ways), "mode"), "mode {{mode}}"),
            ),
            unit="s",
        ),
        Panel(
            key="parallel_sequential",
            title="Parallel beside sequential",
            description="Average and P95 of requests whose nodes ran together, and whose took turns.",
            kind="lines",
            queries=(
                Query(mean(_duration, INTERVAL, "execution", **ways), "average, {{execution}}"),
                Query(quantile(0.95, _duration, INTERVAL, "execution", **ways), "P95, {{execution}}"),
            ),
            unit="s",
        ),
        Panel(
            key="nodes",
            title="Nodes",
            description="How long nineteen of twenty runs of each node take: where the time goes.",
            kind="lines",
            queries=_quantiles(NODE_DURATION_SECONDS, 0.95, label="node"),
            unit="s",
        ),
        Panel(
            key="streams_sequential",
            title="Streams and sequential requests",
            description="Open event streams, and requests each second whose nodes took turns.",
            kind="lines",
            queries=(
                Query(sum_by(select(STREAM_CONNECTIONS)), "open streams"),
                Query(sequential, "sequential requests a second"),
            ),
            unit="short",
        ),
    )
