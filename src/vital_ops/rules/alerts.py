"""The alerts: what each watches, and who is notified."""

from __future__ import annotations

from typing import Final

from vital_ops.config import Threshold
from vital_ops.durations import write_seconds
from vital_ops.promql import and_on, increase, select, sum_by
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
from vital_ops.uids import CACHE, COST, HEALTH, PERFORMANCE
from vital_shared.monitoring.metrics import (
    CHARGES_FLAGGED_TOTAL,
    QUALITY_SCORE,
    RAG_RETRIEVALS_TOTAL,
    STORE_DEAD_LETTERS,
    TOOL_EXECUTIONS_TOTAL,
    WORKFLOW_DURATION_SECONDS,
    WORKFLOW_REQUESTS_TOTAL,
)

__all__ = ["ALERTS"]


def _enough(threshold: Threshold, events: str) -> str:
    return f"{events} >= {threshold.least_events}"


def _error_rate(at: Threshold) -> str:
    ended = sum_by(increase(WORKFLOW_REQUESTS_TOTAL, at.range, outcome=ALL))
    return and_on(f"{ERROR_RATIO} > {at.value:g}", _enough(at, ended))


def _slower(share: str, at: Threshold) -> str:
    ended = sum_by(increase(WORKFLOW_DURATION_SECONDS, at.range, "count"))
    return and_on(f'{DURATION}{{quantile="{share}"}} > {at.value:g}', _enough(at, ended))


def _hit_rate(at: Threshold) -> str:
    asked = increase(WORKFLOW_DURATION_SECONDS, at.range, "count", mode=CACHED_MODES, cache_status=LOOKED_UP)
    return and_on(f"{HIT_RATIO} < {at.value:g}", _enough(at, sum_by(asked)))


def _spike(at: Threshold) -> str:
    before = f"{COST_PER_HOUR} offset {write_seconds(at.before)}"
    return and_on(
        f"{COST_PER_HOUR} > {at.value:g} * ({before})", f"{COST_PER_HOUR} > {at.least_dollars_per_hour:g}"
    )


def _quality(at: Threshold) -> str:
    answers = sum_by(increase(QUALITY_SCORE, at.range, "count", answerable="true"))
    return and_on(f"{MEAN_QUALITY} < {at.value:g}", _enough(at, answers))


def _degradations(at: Threshold) -> str:
    ended = sum_by(increase(WORKFLOW_REQUESTS_TOTAL, at.range, outcome=ALL))
    return and_on(f"{DEGRADATION_RATIO} > {at.value:g}", _enough(at, ended))


def _tools(at: Threshold) -> str:
    calls = sum_by(increase(TOOL_EXECUTIONS_TOTAL, at.range, status=TRIED))
    return and_on(f"{TOOL_FAILURE_RATIO} > {at.value:g}", _enough(at, calls))


def _searches(at: Threshold) -> str:
    searches = sum_by(increase(RAG_RETRIEVALS_TOTAL, at.range, status=TRIED))
    return and_on(f"{RAG_FAILURE_RATIO} > {at.value:g}", _enough(at, searches))


def _set_aside(at: Threshold) -> str:
    clamped = sum_by(increase(CHARGES_FLAGGED_TOTAL, at.range, flag="clamped"))
    return f"max({select(STORE_DEAD_LETTERS)}) + {clamped} >= {at.value:g}"


ALERTS: Final = (
    Alert(
        name="HighErrorRate",
        group="performance",
        severity="warning",
        team="platform",
        receivers=("slack", "pagerduty"),
        summary="{{ $value | humanizePercentage }} of the requests fail",
        description="Users get an error in place of an answer. A degraded answer is no failure.",
        dashboard=PERFORMANCE,
        panel="error_rate",
        condition=_error_rate,
    ),
    Alert(
        name="HighLatency",
        group="performance",
        severity="warning",
        team="platform",
        receivers=("slack",),
        summary="One request in twenty takes more than {{ $value | humanizeDuration }}",
        description="The 95th percentile of all requests' durations is too high.",
        dashboard=PERFORMANCE,
        panel="p95_latency",
        condition=lambda at: _slower("0.95", at),
    ),
    Alert(
        name="VeryHighLatency",
        group="performance",
        severity="critical",
        team="platform",
        receivers=("pagerduty",),
        summary="One request in a hundred takes more than {{ $value | humanizeDuration }}",
        description="The 99th percentile of all requests' durations is so high that users give up.",
        dashboard=PERFORMANCE,
        panel="p99_latency",
        condition=lambda at: _slower("0.99", at),
    ),
    Alert(
        name="LowCacheHitRate",
        group="cache",
        severity="warning",
        team="performance",
        receivers=("slack",),
        summary="The cache answers only {{ $value | humanizePercentage }} of what it is asked",
        description="Modes 1 and 2 find too little in the cache: answers are slower and dearer.",
        dashboard=CACHE,
        panel="hit_rate",
        condition=_hit_rate,
    ),
    Alert(
        name="CacheNearCapacity",
        group="cache",
        severity="warning",
        team="performance",
        receivers=("slack",),
        summary="The {{ $labels.tier }} cache is {{ $value | humanizePercentage }} full",
        description="Soon each new answer drives out an older one.",
        dashboard=CACHE,
        panel="size",
        condition=lambda at: f"{CACHE_FULLNESS} > {at.value:g}",
    ),
    Alert(
        name="HighCacheEvictionRate",
        group="cache",
        severity="warning",
        team="performance",
        receivers=("slack",),
        summary="The {{ $labels.tier }} cache drives out {{ $value | humanize }} answers each second",
        description="The cache is too small: answers leave it before they are asked for again.",
        dashboard=CACHE,
        panel="evictions",
        condition=lambda at: f"{EVICTIONS} > {at.value:g}",
    ),
    Alert(
        name="HighDailyCost",
        group="cost",
        severity="warning",
        team="finance",
        receivers=("email",),
        summary="${{ $value | humanize }} were spent in the last day",
        description="All tenants together, models, tools and searches.",
        dashboard=COST,
        panel="daily_cost",
        condition=lambda at: f"{COST_OF_DAY} > {at.value:g}",
    ),
    Alert(
        name="SuddenCostSpike",
        group="cost",
        severity="critical",
        team="finance",
        receivers=("pagerduty", "email"),
        summary="Money is spent at ${{ $value | humanize }} an hour, far more than an hour ago",
        description="A tenant, a loop or a dearer model spends much more than before, and goes on doing so.",
        dashboard=COST,
        panel="cost_trend",
        condition=_spike,
    ),
    Alert(
        name="LowQualityScore",
        group="quality",
        severity="warning",
        team="quality",
        receivers=("slack",),
        summary="The mean quality of answers is {{ $value | humanize }}",
        description="Answers lack sources, tools or grounds. What the documents cannot answer is left out.",
        dashboard=HEALTH,
        panel="quality",
        condition=_quality,
    ),
    Alert(
        name="HighDegradationRate",
        group="quality",
        severity="warning",
        team="quality",
        receivers=("slack",),
        summary="{{ $value | humanizePercentage }} of the answers had to do without something",
        description="A source, a tool or a model fails, and answers are made without it.",
        dashboard=PERFORMANCE,
        panel="degraded_responses",
        condition=_degradations,
    ),
    Alert(
        name="HighToolFailureRate",
        group="system",
        severity="warning",
        team="platform",
        receivers=("slack",),
        summary="{{ $value | humanizePercentage }} of the calls of tools fail",
        description="Calls that a user did not approve do not count.",
        dashboard=HEALTH,
        panel="tool_success",
        condition=_tools,
    ),
    Alert(
        name="HighRAGFailureRate",
        group="system",
        severity="critical",
        team="platform",
        receivers=("pagerduty",),
        summary="{{ $value | humanizePercentage }} of the searches fail",
        description="Answers lack what the documents say.",
        dashboard=HEALTH,
        panel="rag_success",
        condition=_searches,
    ),
    Alert(
        name="DeadLetters",
        group="store",
        severity="warning",
        team="finance",
        receivers=("slack", "email"),
        summary="{{ $value | humanize }} writes were set aside, or charges clamped",
        description="Money or the end of a run is not in the store as it was, and somebody has to see to it.",
        dashboard=HEALTH,
        panel="set_aside",
        condition=_set_aside,
    ),
)
"""In the order of the dashboards' guide: performance, cache, cost, quality, system, store."""
