"""The twelve alerts on the service itself: what each watches, and its receivers."""

from __future__ import annotations

from functools import partial
from typing import Final

from vital_ops.durations import write_seconds
from vital_ops.expressions.expression import QueryExpression
from vital_ops.promql import (
    and_on,
    calculate,
    compare,
    constant,
    in_brackets,
    increase,
    increase_from_birth,
    label_added,
    max_by,
    mean,
    offset,
    or_else,
    over_time,
    rate,
    ratio,
    recorded,
    select,
    sum_by,
    write_number,
)
from vital_ops.rules.alert import FAILING_TENANTS, THE_TIER, AlertSpec, Contributors
from vital_ops.rules.judged_tests import degraded, falling, late, rising, timed_out
from vital_ops.rules.level_tests import daily_cost, evictions, fullness
from vital_ops.rules.recording import (
    ALL,
    BROKEN,
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
from vital_ops.rules.shapes import errors, hits, quality, searches, tools
from vital_ops.rules.spike_tests import spike
from vital_ops.thresholds import Threshold, numbers
from vital_ops.uids import CACHE, COST, HEALTH, PERFORMANCE, RELIABILITY
from vital_shared.monitoring.metrics import (
    CACHE_CAPACITY_ENTRIES,
    CACHE_ENTRIES,
    CACHE_OPERATIONS_TOTAL,
    COST_DOLLARS_TOTAL,
    DEGRADATIONS_TOTAL,
    LLM_CALL_DURATION_SECONDS,
    QUALITY_SCORE,
    RAG_RETRIEVALS_TOTAL,
    TOOL_EXECUTIONS_TOTAL,
    WORKFLOW_DURATION_SECONDS,
    WORKFLOW_REQUESTS_OVERALL_TOTAL,
)

__all__ = ["ALERTS", "usual_cost"]


def _enough(threshold: Threshold, events: str) -> QueryExpression:
    return compare(events, ">=", threshold.least_events)


def _error_rate(at: Threshold) -> QueryExpression:
    ended = sum_by(increase(WORKFLOW_REQUESTS_OVERALL_TOTAL, at.range, outcome=ALL))
    return and_on(compare(recorded(ERROR_RATIO), ">", at.value), _enough(at, ended))


def _duration(share: str) -> QueryExpression:
    return recorded(DURATION, quantile=share)


def _slower(share: str, at: Threshold) -> QueryExpression:
    ended = sum_by(increase(WORKFLOW_DURATION_SECONDS, at.range, "count"))
    return and_on(compare(_duration(share), ">", at.value), _enough(at, ended))


def _hit_rate(at: Threshold) -> QueryExpression:
    asked = increase(WORKFLOW_DURATION_SECONDS, at.range, "count", mode=CACHED_MODES, cache_status=LOOKED_UP)
    return and_on(compare(recorded(HIT_RATIO), "<", at.value), _enough(at, sum_by(asked)))


def _misses(at: Threshold) -> QueryExpression:
    missed = increase(WORKFLOW_DURATION_SECONDS, at.range, "count", mode=CACHED_MODES, cache_status="miss")
    return sum_by(missed, "mode")


def _evicted_by_mode(at: Threshold) -> QueryExpression:
    return sum_by(rate(CACHE_OPERATIONS_TOTAL, at.range, operation="evict", tier=THE_TIER), "mode")


def _spike(at: Threshold) -> QueryExpression:
    return and_on(
        compare(recorded(COST_PER_HOUR), ">", calculate(at.value, "*", usual_cost(at))),
        compare(recorded(COST_PER_HOUR), ">", at.least_dollars_per_hour),
    )


def usual_cost(at: Threshold) -> QueryExpression:
    """Write the greatest cost an hour ago, at the same hour yesterday and a week ago.

    The same hour is from half an hour before to half an hour after. Where nothing is known of any of them, it
    is what a day may cost, by the hour.
    """
    hour = write_seconds(at.before)
    usual = [offset(recorded(COST_PER_HOUR), hour)]
    for back in (at.day, at.week):
        until = write_seconds(back - at.before / 2)
        usual.append(offset(over_time("max", recorded(COST_PER_HOUR), hour), until))
    named = (label_added(each, "before", str(number)) for number, each in enumerate(usual))
    return in_brackets(or_else(max_by(or_else(*named)), constant(at.unknown_dollars_per_hour)))


def _quality(at: Threshold) -> QueryExpression:
    answers = sum_by(increase(QUALITY_SCORE, at.range, "count", answerable="true"))
    return and_on(compare(recorded(MEAN_QUALITY), "<", at.value), _enough(at, answers))


def _degradations(at: Threshold) -> QueryExpression:
    ended = sum_by(increase(WORKFLOW_REQUESTS_OVERALL_TOTAL, at.range, outcome=ALL))
    return and_on(compare(recorded(DEGRADATION_RATIO), ">", at.value), _enough(at, ended))


def _tools(at: Threshold) -> QueryExpression:
    calls = sum_by(increase(TOOL_EXECUTIONS_TOTAL, at.range, status=TRIED))
    return and_on(compare(recorded(TOOL_FAILURE_RATIO), ">", at.value), _enough(at, calls))


def _searches(at: Threshold) -> QueryExpression:
    searches = sum_by(increase(RAG_RETRIEVALS_TOTAL, at.range, status=TRIED))
    return and_on(compare(recorded(RAG_FAILURE_RATIO), ">", at.value), _enough(at, searches))


_FULLNESS: Final = ratio(select(CACHE_ENTRIES, tier=THE_TIER), select(CACHE_CAPACITY_ENTRIES, tier=THE_TIER))
"""The share of a tier's room that its entries take, in each engine."""

_SPENDERS: Final = Contributors(
    "tenant_id",
    lambda at: (
        f"{increase_from_birth(COST_DOLLARS_TOTAL, at.range, 'tenant_id')} * {write_number(3600 / at.window)}"
    ),
    "dollars an hour",
)
_REASONS: Final = Contributors("reason", lambda at: sum_by(increase(DEGRADATIONS_TOTAL, at.range), "reason"))
_SLOW_MODELS: Final = Contributors(
    "model",
    lambda at: mean(LLM_CALL_DURATION_SECONDS, at.range, "model"),
    "seconds",
)

ALERTS: Final[tuple[AlertSpec, ...]] = (
    AlertSpec(
        name="HighErrorRate",
        threshold=numbers(0.05, "5m", "5m"),
        below=1,
        fires_when="more than 5 % of the requests fail",
        cases=lambda at: rising(at, errors, ERROR_RATIO),
        group="performance",
        severity="warning",
        team="platform",
        receivers=("slack", "pagerduty"),
        summary="{value} of the requests fail; the limit is {limit}",
        description="Users get an error instead of an answer. Degraded answers do not count as failures.",
        dashboard=PERFORMANCE,
        panel="error_rate",
        unit="share",
        shown=ERROR_RATIO,
        contributors=FAILING_TENANTS,
        condition=_error_rate,
    ),
    AlertSpec(
        name="HighLatency",
        threshold=numbers(10, "5m", "5m"),
        below=WORKFLOW_DURATION_SECONDS.buckets[-1],
        fires_when="the 95th percentile of durations is above 10 s",
        cases=lambda at: late(at, 0.95, f'{DURATION}{{quantile="0.95"}}'),
        group="performance",
        severity="warning",
        team="platform",
        receivers=("slack",),
        summary="One request in twenty takes more than {value}; the limit is {limit}",
        description="The 95th percentile of request duration is too high.",
        dashboard=PERFORMANCE,
        panel="p95_latency",
        unit="seconds",
        shown=_duration("0.95"),
        labels=("quantile",),
        contributors=_SLOW_MODELS,
        condition=lambda at: _slower("0.95", at),
    ),
    AlertSpec(
        name="VeryHighLatency",
        threshold=numbers(30, "5m", "5m"),
        below=WORKFLOW_DURATION_SECONDS.buckets[-1],
        fires_when="the 99th percentile of durations is above 30 s",
        cases=lambda at: late(at, 0.99, f'{DURATION}{{quantile="0.99"}}'),
        group="performance",
        severity="critical",
        team="platform",
        receivers=("pagerduty",),
        summary="One request in a hundred takes more than {value}; the limit is {limit}",
        description="The 99th percentile of request duration is so high that users give up.",
        dashboard=PERFORMANCE,
        panel="p99_latency",
        unit="seconds",
        shown=_duration("0.99"),
        labels=("quantile",),
        contributors=_SLOW_MODELS,
        condition=lambda at: _slower("0.99", at),
    ),
    AlertSpec(
        name="LowCacheHitRate",
        threshold=numbers(0.40, "10m", "15m"),
        below=1,
        fires_when="the cache answers less than 40 % of its look-ups in modes 1 and 2",
        cases=lambda at: falling(at, hits, HIT_RATIO),
        group="cache",
        severity="warning",
        team="performance",
        receivers=("slack",),
        summary="Only {value} of cache lookups are hits; at least {limit} should be",
        description="Modes 1 and 2 find too little in the cache, so answers are slower and more expensive.",
        dashboard=CACHE,
        panel="hit_rate",
        unit="share",
        shown=HIT_RATIO,
        condition=_hit_rate,
        contributors=Contributors("mode", _misses),
    ),
    AlertSpec(
        name="CacheNearCapacity",
        threshold=numbers(0.95, "10m", "10m", 0),
        below=1,
        fires_when="a tier of the cache is more than 95 % full",
        cases=fullness,
        group="cache",
        severity="warning",
        team="performance",
        receivers=("slack",),
        summary="The {{{{ $labels.tier }}}} cache is {value} full; the limit is {limit}",
        description="Soon each new answer will evict an older one.",
        dashboard=CACHE,
        panel="size",
        unit="share",
        shown=CACHE_FULLNESS,
        labels=("tier",),
        condition=lambda at: compare(recorded(CACHE_FULLNESS), ">", at.value),
        contributors=Contributors("instance", lambda _: max_by(_FULLNESS, "instance"), "share"),
    ),
    AlertSpec(
        name="HighCacheEvictionRate",
        threshold=numbers(10, "10m", "10m", 0),
        fires_when="a tier of the cache evicts more than 10 entries a second",
        cases=evictions,
        group="cache",
        severity="warning",
        team="performance",
        receivers=("slack",),
        summary="The {{{{ $labels.tier }}}} cache evicts {value}; the limit is {limit}",
        description="The cache is too small: answers are evicted before they are used again.",
        dashboard=CACHE,
        panel="evictions",
        unit="a second",
        shown=EVICTIONS,
        labels=("tier",),
        condition=lambda at: compare(recorded(EVICTIONS), ">", at.value),
        contributors=Contributors("mode", _evicted_by_mode, "a second"),
    ),
    AlertSpec(
        name="HighDailyCost",
        threshold=numbers(100, "24h", "1h", 0),
        fires_when="a day costs more than $100",
        cases=daily_cost,
        group="cost",
        severity="warning",
        team="finance",
        receivers=("email",),
        summary="{value} was spent in {window}; the limit is {limit}",
        description="The total of all tenants, for models, tools and searches.",
        dashboard=COST,
        panel="daily_cost",
        unit="dollars",
        shown=COST_OF_DAY,
        contributors=_SPENDERS,
        condition=lambda at: compare(recorded(COST_OF_DAY), ">", at.value),
    ),
    AlertSpec(
        name="SuddenCostSpike",
        threshold=numbers(2, "10m", "10m", 0, least_dollars_per_hour=1),
        fires_when="spending is more than twice that of an hour before, of the same hour yesterday "
        "and of the same hour a week ago, and above $1 an hour",
        cases=spike,
        group="cost",
        severity="critical",
        team="finance",
        receivers=("pagerduty", "email"),
        summary="Spending is at {value}, more than {times} times the usual rate and above {floor} an hour",
        description="A tenant, a loop or a more expensive model spends much more than before.",
        dashboard=COST,
        panel="cost_trend",
        unit="dollars an hour",
        shown=COST_PER_HOUR,
        contributors=_SPENDERS,
        condition=_spike,
    ),
    AlertSpec(
        name="LowQualityScore",
        threshold=numbers(0.8, "10m", "10m"),
        below=1,
        fires_when="the mean quality of answers is below 0.8",
        cases=lambda at: falling(at, quality, MEAN_QUALITY),
        group="quality",
        severity="warning",
        team="quality",
        receivers=("slack",),
        summary="The mean quality of answers is {value}; it should be at least {limit}",
        description="Answers lack sources, tools or evidence. Unanswerable questions do not count.",
        dashboard=HEALTH,
        panel="quality",
        unit="number",
        shown=MEAN_QUALITY,
        contributors=_REASONS,
        condition=_quality,
    ),
    AlertSpec(
        name="HighDegradationRate",
        threshold=numbers(0.20, "10m", "10m"),
        below=1,
        fires_when="more than 20 % of the answers were made without something",
        cases=lambda at: degraded(at, DEGRADATION_RATIO),
        group="quality",
        severity="warning",
        team="quality",
        receivers=("slack",),
        summary="{value} of answers are degraded; the limit is {limit}",
        description="A source, a tool or a model fails, and answers are given without it.",
        dashboard=RELIABILITY,
        panel="degradation_share",
        unit="share",
        shown=DEGRADATION_RATIO,
        contributors=_REASONS,
        condition=_degradations,
    ),
    AlertSpec(
        name="HighToolFailureRate",
        threshold=numbers(0.10, "10m", "10m"),
        below=1,
        fires_when="more than 10 % of the calls of tools fail",
        cases=lambda at: rising(at, tools, TOOL_FAILURE_RATIO),
        group="system",
        severity="warning",
        team="platform",
        receivers=("slack",),
        summary="{value} of tool calls fail; the limit is {limit}",
        description="Calls that a user did not approve do not count.",
        dashboard=HEALTH,
        panel="tool_success",
        unit="share",
        shown=TOOL_FAILURE_RATIO,
        contributors=Contributors(
            "tool", lambda at: sum_by(increase(TOOL_EXECUTIONS_TOTAL, at.range, status=BROKEN), "tool")
        ),
        condition=_tools,
    ),
    AlertSpec(
        name="HighRAGFailureRate",
        threshold=numbers(0.05, "10m", "10m"),
        below=1,
        fires_when="more than 5 % of the searches fail",
        cases=lambda at: (
            *rising(at, searches, RAG_FAILURE_RATIO),
            timed_out(at, partial(searches, timed_out=1)),
        ),
        group="system",
        severity="critical",
        team="platform",
        receivers=("pagerduty",),
        summary="{value} of the searches fail; the limit is {limit}",
        description="Answers are given without what the documents say.",
        dashboard=HEALTH,
        panel="rag_success",
        unit="share",
        shown=RAG_FAILURE_RATIO,
        contributors=Contributors(
            "source", lambda at: sum_by(increase(RAG_RETRIEVALS_TOTAL, at.range, status=BROKEN), "source")
        ),
        condition=_searches,
    ),
)
"""In the order of the dashboards' guide: performance, cache, cost, quality, system."""
