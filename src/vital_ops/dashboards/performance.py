"""Performance Overview: whether the service is fast, right and in use."""

from __future__ import annotations

from typing import Final

from vital_ops.dashboards.panel import INTERVAL, MODE, RANGE, TENANT, Board, Limit, Panel, Query, Section
from vital_ops.promql import by, each_second, grown, mean, quantile, ratio, select
from vital_ops.report.targets import HIT_RATE, SUCCESS_RATE
from vital_ops.rules.recording import ALL, CACHED_MODES, LOOKED_UP
from vital_ops.thresholds import DEFAULTS
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


def performance() -> Board:
    """Make it."""
    return Board(
        uid=PERFORMANCE,
        title="VITAL / Performance Overview",
        description="For engineering managers, operators and executives: is the service fast and right?",
        refresh="30s",
        since="now-1h",
        panels=_overview(),
        section=Section("Streaming and parallelism", _streaming()),
    )


def _overview() -> tuple[Panel, ...]:
    failed = by(each_second(_requests, INTERVAL, outcome="failed", **_mine))
    ended = by(each_second(_requests, INTERVAL, outcome=ALL, **_mine))
    hits = by(grown(_duration, RANGE, "count", mode=CACHED_MODES, cache_status="hit"))
    looked_up = by(grown(_duration, RANGE, "count", mode=CACHED_MODES, cache_status=LOOKED_UP))
    answered = by(grown(_requests, RANGE, outcome=("success", "degraded"), **_mine))
    return (
        Panel(
            title="Request rate",
            description="Requests that ended, each second, by mode: how much the service is used.",
            kind="lines",
            queries=(Query(by(each_second(_requests, INTERVAL, **_mine), "mode"), "mode {{mode}}"),),
            unit="reqps",
        ),
        Panel(
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
            title="P95 latency",
            description="Nineteen of twenty requests take no longer; beside it, half of them.",
            kind="lines",
            queries=_quantiles(_duration, 0.95, 0.5),
            unit="s",
            limit=Limit(DEFAULTS["HighLatency"].value, "below"),
        ),
        Panel(
            title="P99 latency",
            description="99 of 100 requests take no longer; beside it, half of them.",
            kind="lines",
            queries=_quantiles(_duration, 0.99, 0.5),
            unit="s",
            limit=Limit(DEFAULTS["VeryHighLatency"].value, "below"),
        ),
        Panel(
            title="Error rate",
            description="The share of requests that failed; a degraded answer is none.",
            kind="lines",
            queries=(Query(ratio(failed, ended), "failed"),),
            unit="percentunit",
            limit=Limit(DEFAULTS["HighErrorRate"].value, "below"),
        ),
        Panel(
            title="Cache hit rate",
            description="Of the requests that the cache was asked for, those that it answered.",
            kind="gauge",
            queries=(Query(ratio(hits, looked_up), "hit rate"),),
            unit="percentunit",
            limit=Limit(HIT_RATE, "above"),
        ),
        Panel(
            title="Requests by mode",
            description="Research or chat, with tools approved by the user or run at once.",
            kind="pie",
            queries=(Query(by(grown(_requests, RANGE, **_mine), "mode"), "mode {{mode}}"),),
            unit="short",
        ),
        Panel(
            title="Quality scores",
            description="How good answers are, from 0 to 1; the brighter, the more of them.",
            kind="heatmap",
            queries=(Query(by(grown(QUALITY_SCORE, INTERVAL, "bucket", mode=MODE), "le"), "{{le}}"),),
            unit="percentunit",
        ),
        Panel(
            title="Degraded responses",
            description="Answers that had to do without something, each second, by what.",
            kind="lines",
            queries=(
                Query(by(each_second(DEGRADATIONS_TOTAL, INTERVAL, mode=MODE), "reason"), "{{reason}}"),
            ),
            unit="reqps",
        ),
        Panel(
            title="Active workflows",
            description="Requests in flight now.",
            kind="number",
            queries=(Query(by(select(WORKFLOW_ACTIVE, mode=MODE)), "active"),),
            unit="short",
        ),
        Panel(
            title="Success rate",
            description="Requests with an answer, a degraded one included, of those that were not cancelled.",
            kind="gauge",
            queries=(Query(ratio(answered, by(grown(_requests, RANGE, outcome=ALL, **_mine))), "answered"),),
            unit="percentunit",
            limit=Limit(SUCCESS_RATE, "above"),
        ),
        Panel(
            title="Top tenants",
            description="Who asks the most. Tenants beyond the bound of named ones are together in other.",
            kind="table",
            queries=(Query(f"topk({TOP}, {by(grown(_requests, RANGE, **_mine), 'tenant_id')})", "requests"),),
            unit="short",
        ),
    )


def _streaming() -> tuple[Panel, ...]:
    ways = {"mode": MODE}
    sequential = by(each_second(_duration, INTERVAL, "count", execution="sequential", **ways))
    return (
        Panel(
            title="Time to first token",
            description="From the request to the first piece of its answer, as the caller sees it.",
            kind="lines",
            queries=_quantiles(TIME_TO_FIRST_TOKEN_SECONDS, 0.5, 0.95, 0.99),
            unit="s",
            limit=Limit(2, "below"),
        ),
        Panel(
            title="Gap between pieces",
            description="How long the reader waits for the next piece of an answer, by model.",
            kind="lines",
            queries=_quantiles(INTER_TOKEN_SECONDS, 0.5, 0.95, label="model"),
            unit="s",
        ),
        Panel(
            title="Seconds saved in parallel",
            description="What nodes took together less what it took to run them, each second.",
            kind="lines",
            queries=(
                Query(
                    by(each_second(PARALLEL_SECONDS_SAVED_TOTAL, INTERVAL, **ways), "mode"), "mode {{mode}}"
                ),
            ),
            unit="s",
        ),
        Panel(
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
            title="Nodes",
            description="How long nineteen of twenty runs of each node take: where the time goes.",
            kind="lines",
            queries=_quantiles(NODE_DURATION_SECONDS, 0.95, label="node"),
            unit="s",
        ),
        Panel(
            title="Streams and sequential requests",
            description="Open event streams, and requests each second whose nodes took turns.",
            kind="lines",
            queries=(
                Query(by(select(STREAM_CONNECTIONS)), "open streams"),
                Query(sequential, "sequential requests a second"),
            ),
            unit="short",
        ),
    )
