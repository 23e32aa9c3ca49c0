"""The twelve alerts: what each watches, and who is told."""

from __future__ import annotations

from typing import Final

from vital_ops.durations import write_seconds
from vital_ops.promql import both, by, grown
from vital_ops.rules.alert import Alert
from vital_ops.rules.recording import (
    ALL,
    CACHE_FULLNESS,
    CACHED_MODES,
    COST_OF_DAY,
    COST_PER_HOUR,
    DEGRADATION_RATIO,
    DURATION,
    ERROR_RATIO,
    EVICTIONS,
    HIT_RATIO,
    LOOKED_UP,
    MEAN_QUALITY,
    RAG_FAILURE_RATIO,
    TOOL_FAILURE_RATIO,
    TRIED,
)
from vital_ops.thresholds import LEAST_DOLLARS_PER_HOUR, Threshold
from vital_ops.uids import CACHE, COST, HEALTH, PERFORMANCE
from vital_shared.monitoring.metrics import (
    QUALITY_SCORE,
    RAG_RETRIEVALS_TOTAL,
    TOOL_EXECUTIONS_TOTAL,
    WORKFLOW_DURATION_SECONDS,
    WORKFLOW_REQUESTS_TOTAL,
)

__all__ = ["ALERTS"]


def _enough(threshold: Threshold, events: str) -> str:
    return f"{events} >= {threshold.least_events}"


def _error_rate(at: Threshold) -> str:
    ended = by(grown(WORKFLOW_REQUESTS_TOTAL, at.range, outcome=ALL))
    return both(f"{ERROR_RATIO} > {at.value:g}", _enough(at, ended))


def _slower(share: str, at: Threshold) -> str:
    ended = by(grown(WORKFLOW_DURATION_SECONDS, at.range, "count"))
    return both(f'{DURATION}{{quantile="{share}"}} > {at.value:g}', _enough(at, ended))


def _hit_rate(at: Threshold) -> str:
    asked = grown(WORKFLOW_DURATION_SECONDS, at.range, "count", mode=CACHED_MODES, cache_status=LOOKED_UP)
    return both(f"{HIT_RATIO} < {at.value:g}", _enough(at, by(asked)))


def _spike(at: Threshold) -> str:
    before = f"{COST_PER_HOUR} offset {write_seconds(at.before)}"
    return both(
        f"{COST_PER_HOUR} > {at.value:g} * ({before})", f"{COST_PER_HOUR} > {LEAST_DOLLARS_PER_HOUR:g}"
    )


def _quality(at: Threshold) -> str:
    answers = by(grown(QUALITY_SCORE, at.range, "count", answerable="true"))
    return both(f"{MEAN_QUALITY} < {at.value:g}", _enough(at, answers))


def _degradations(at: Threshold) -> str:
    ended = by(grown(WORKFLOW_REQUESTS_TOTAL, at.range, outcome=ALL))
    return both(f"{DEGRADATION_RATIO} > {at.value:g}", _enough(at, ended))


def _tools(at: Threshold) -> str:
    calls = by(grown(TOOL_EXECUTIONS_TOTAL, at.range, status=TRIED))
    return both(f"{TOOL_FAILURE_RATIO} > {at.value:g}", _enough(at, calls))


def _searches(at: Threshold) -> str:
    searches = by(grown(RAG_RETRIEVALS_TOTAL, at.range, status=TRIED))
    return both(f"{RAG_FAILURE_RATIO} > {at.value:g}", _enough(at, searches))


ALERTS: Final = (
    Alert(
        name="HighErrorRate",
        severity="warning",
        team="platform",
        receivers=("slack", "pagerduty"),
        summary="{{ $value | humanizePercentage }} of the requests fail",
        description="Users get an error in place of an answer. A degraded answer is no failure.",
        dashboard=PERFORMANCE,
        panel=5,
        condition=_error_rate,
    ),
    Alert(
        name="HighLatency",
        severity="warning",
        team="platform",
        receivers=("slack",),
        summary="One request in twenty takes more than {{ $value | humanizeDuration }}",
        description="The 95th percentile of all requests' durations is too high.",
        dashboard=PERFORMANCE,
        panel=3,
        condition=lambda at: _slower("0.95", at),
    ),
    Alert(
        name="VeryHighLatency",
        severity="critical",
        team="platform",
        receivers=("pagerduty",),
        summary="One request in a hundred takes more than {{ $value | humanizeDuration }}",
        description="The 99th percentile of all requests' durations is so high that users give up.",
        dashboard=PERFORMANCE,
        panel=4,
        condition=lambda at: _slower("0.99", at),
    ),
    Alert(
        name="LowCacheHitRate",
        severity="warning",
        team="performance",
        receivers=("slack",),
        summary="The cache answers only {{ $value | humanizePercentage }} of what it is asked",
        description="Modes 1 and 2 find too little in the cache: answers are slower and dearer.",
        dashboard=CACHE,
        panel=1,
        condition=_hit_rate,
    ),
    Alert(
        name="CacheNearCapacity",
        severity="warning",
        team="performance",
        receivers=("slack",),
        summary="The {{ $labels.tier }} cache is {{ $value | humanizePercentage }} full",
        description="Soon each new answer drives out an older one.",
        dashboard=CACHE,
        panel=3,
        condition=lambda at: f"{CACHE_FULLNESS} > {at.value:g}",
    ),
    Alert(
        name="HighCacheEvictionRate",
        severity="warning",
        team="performance",
        receivers=("slack",),
        summary="The {{ $labels.tier }} cache drives out {{ $value | humanize }} answers each second",
        description="The cache is too small: answers leave it before they are asked for again.",
        dashboard=CACHE,
        panel=7,
        condition=lambda at: f"{EVICTIONS} > {at.value:g}",
    ),
    Alert(
        name="HighDailyCost",
        severity="warning",
        team="finance",
        receivers=("email",),
        summary="${{ $value | humanize }} were spent in the last day",
        description="All tenants together, models, tools and searches.",
        dashboard=COST,
        panel=1,
        condition=lambda at: f"{COST_OF_DAY} > {at.value:g}",
    ),
    Alert(
        name="SuddenCostSpike",
        severity="critical",
        team="finance",
        receivers=("pagerduty", "email"),
        summary="Money is spent at ${{ $value | humanize }} an hour, far more than an hour ago",
        description="A tenant, a loop or a dearer model spends much more than before, and goes on doing so.",
        dashboard=COST,
        panel=10,
        condition=_spike,
    ),
    Alert(
        name="LowQualityScore",
        severity="warning",
        team="quality",
        receivers=("slack",),
        summary="The mean quality of answers is {{ $value | humanize }}",
        description="Answers lack sources, tools or grounds. What the documents cannot answer is left out.",
        dashboard=HEALTH,
        panel=5,
        condition=_quality,
    ),
    Alert(
        name="HighDegradationRate",
        severity="warning",
        team="quality",
        receivers=("slack",),
        summary="{{ $value | humanizePercentage }} of the answers had to do without something",
        description="A source, a tool or a model fails, and answers are made without it.",
        dashboard=PERFORMANCE,
        panel=9,
        condition=_degradations,
    ),
    Alert(
        name="HighToolFailureRate",
        severity="warning",
        team="platform",
        receivers=("slack",),
        summary="{{ $value | humanizePercentage }} of the calls of tools fail",
        description="Calls that a user did not approve do not count.",
        dashboard=HEALTH,
        panel=7,
        condition=_tools,
    ),
    Alert(
        name="HighRAGFailureRate",
        severity="critical",
        team="platform",
        receivers=("pagerduty",),
        summary="{{ $value | humanizePercentage }} of the searches fail",
        description="Answers lack what the documents say.",
        dashboard=HEALTH,
        panel=8,
        condition=_searches,
    ),
)
"""In the order of the dashboards' guide: performance, cache, cost, quality, system."""
