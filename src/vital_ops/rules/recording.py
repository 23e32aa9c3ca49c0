"""Series that panels and alerts share, computed once. Windows are those of the alerts that watch them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vital_ops.definitions import ANSWERABLE, CACHED_MODES, ENDED, FAILED, HIT, LOOKED_UP
from vital_ops.expressions.expression import QueryExpression
from vital_ops.promql import (
    Match,
    calculate,
    compare,
    first_count,
    in_brackets,
    increase,
    max_by,
    mean,
    or_else,
    over_time,
    quantile,
    rate,
    ratio,
    recorded,
    select,
    sum_by,
)
from vital_ops.rules.outage import ENGINES_UP, engines_up, lately, tolerated_gap
from vital_ops.rules.rule import Recording
from vital_ops.thresholds import Thresholds
from vital_shared.monitoring.instrument import Counter, Gauge, Histogram
from vital_shared.monitoring.metrics import (
    BUDGET_LIMIT_DOLLARS,
    BUDGET_SPENT_DOLLARS,
    CACHE_CAPACITY_ENTRIES,
    CACHE_ENTRIES,
    CACHE_OPERATIONS_TOTAL,
    COST_OVERALL_DOLLARS_TOTAL,
    DEGRADED_RESPONSES_TOTAL,
    QUALITY_SCORE,
    RAG_RETRIEVALS_TOTAL,
    REQUESTS_REJECTED_TOTAL,
    TIME_TO_FIRST_TOKEN_SECONDS,
    TOOL_EXECUTIONS_TOTAL,
    USAGE_LIMIT_AMOUNT,
    USAGE_LIMIT_SPENT,
    WORKFLOW_DURATION_SECONDS,
    WORKFLOW_ERRORS_TOTAL,
    WORKFLOW_REQUESTS_OVERALL_TOTAL,
    WORKFLOW_REQUESTS_TOTAL,
)

__all__ = [
    "ALL",
    "BROKEN",
    "BUDGET_USED",
    "CACHED_MODES",
    "CACHE_FULLNESS",
    "COST_OF_DAY",
    "COST_PER_HOUR",
    "DEGRADATION_RATIO",
    "DURATION",
    "ERROR_RATIO",
    "EVICTIONS",
    "FIRST_TOKEN",
    "HIT_RATIO",
    "HIT_RATIO_BY_MODE",
    "HIT_RATIO_BY_TIER",
    "LIMIT_LABELS",
    "LOOKED_UP",
    "MEAN_QUALITY",
    "RAG_FAILURE_RATIO",
    "RECORDED_PREFIX",
    "REFUSED",
    "REJECTION_RATIO",
    "REQUESTS_PER_HOUR",
    "TENANT_ERROR_RATIO",
    "TENANT_REQUESTS",
    "TOOL_FAILURE_RATIO",
    "TRIED",
    "USAGE_LIMIT_USED",
    "arrived",
    "degradation_ratio",
    "error_ratio",
    "failure_ratio",
    "hit_ratio",
    "mean_quality",
    "over_replicas",
    "shared_recordings",
    "tenant_requests",
]

RECORDED_PREFIX: Final = "vital:"
"""The beginning of every recorded name."""

# Names: what it is about, then what is done with it

ERROR_RATIO: Final = "vital:workflow_errors:ratio"
DEGRADATION_RATIO: Final = "vital:workflow_degradations:ratio"
DURATION: Final = "vital:workflow_duration_seconds:quantile"
FIRST_TOKEN: Final = "vital:time_to_first_token_seconds:quantile"  # noqa: S105 - a token of text
HIT_RATIO: Final = "vital:cache_hits:ratio"
HIT_RATIO_BY_MODE: Final = "vital:cache_hits_by_mode:ratio"
HIT_RATIO_BY_TIER: Final = "vital:cache_hits_by_tier:ratio"
CACHE_FULLNESS: Final = "vital:cache_fullness:ratio"
EVICTIONS: Final = "vital:cache_evictions:rate"
COST_OF_DAY: Final = "vital:cost_dollars:day"
COST_PER_HOUR: Final = "vital:cost_dollars:per_hour"
MEAN_QUALITY: Final = "vital:quality_score:mean"
TOOL_FAILURE_RATIO: Final = "vital:tool_failures:ratio"
RAG_FAILURE_RATIO: Final = "vital:rag_failures:ratio"
REJECTION_RATIO: Final = "vital:rejections:ratio"
REQUESTS_PER_HOUR: Final = "vital:workflow_requests:per_hour"
TENANT_REQUESTS: Final = "vital:tenant_requests:increase"
TENANT_ERROR_RATIO: Final = "vital:tenant_errors:ratio"
BUDGET_USED: Final = "vital:budget_used:ratio"
USAGE_LIMIT_USED: Final = "vital:usage_limit_used:ratio"

LIMIT_LABELS: Final = ("level", "holder", "unit", "period")
"""The labels of a limit."""

# What counts

ALL: Final = ENDED

TRIED: Final = ("success", "failed", "timeout")
"""Tools and sources that were asked."""

BROKEN: Final = ("failed", "timeout")

REFUSED: Final = ("overload", "auth")
"""Reasons of the service, and not of a tenant's limits."""


def shared_recordings(thresholds: Thresholds) -> Iterator[Recording]:
    """Make those that several panels, alerts or reports read."""
    window = {name: each.range for name, each in thresholds.items()}
    gap = tolerated_gap(thresholds)
    yield Recording(ERROR_RATIO, error_ratio(window["HighErrorRate"]))
    yield Recording(DEGRADATION_RATIO, degradation_ratio(window["HighDegradationRate"]))
    yield from _quantiles(DURATION, WORKFLOW_DURATION_SECONDS, window)
    yield from _quantiles(FIRST_TOKEN, TIME_TO_FIRST_TOKEN_SECONDS, window)
    yield from _cache(window, gap)
    yield Recording(MEAN_QUALITY, mean_quality(window["LowQualityScore"]))
    for name, counter, alert in (
        (TOOL_FAILURE_RATIO, TOOL_EXECUTIONS_TOTAL, "HighToolFailureRate"),
        (RAG_FAILURE_RATIO, RAG_RETRIEVALS_TOTAL, "HighRAGFailureRate"),
    ):
        yield Recording(name, failure_ratio(counter, window[alert]))
    yield Recording(COST_OF_DAY, sum_by(increase(COST_OVERALL_DOLLARS_TOTAL, window["HighDailyCost"])))
    spike = sum_by(rate(COST_OVERALL_DOLLARS_TOTAL, window["SuddenCostSpike"]))
    yield Recording(COST_PER_HOUR, calculate(spike, "*", 3600))
    yield Recording(ENGINES_UP, engines_up(gap))
    refused = sum_by(increase(REQUESTS_REJECTED_TOTAL, window["EngineRejecting"], reason=REFUSED))
    yield Recording(REJECTION_RATIO, ratio(refused, arrived(window["EngineRejecting"])))
    ended = sum_by(rate(WORKFLOW_REQUESTS_OVERALL_TOTAL, window["TrafficDropped"], outcome=ALL))
    yield Recording(REQUESTS_PER_HOUR, calculate(ended, "*", 3600))
    yield from _tenants(window["TenantAvailability"])
    yield Recording(BUDGET_USED, _budget_used(window["TenantBudgetSpent"]))
    yield Recording(USAGE_LIMIT_USED, _limit_used(window["UsageLimitSpent"]))


def _tenants(window: str) -> Iterator[Recording]:
    """Make the number of each tenant's requests, the first ones included, and its share of failures."""
    grown, first = increase(WORKFLOW_REQUESTS_TOTAL, window), first_count(WORKFLOW_REQUESTS_TOTAL, window)
    yield Recording(
        TENANT_REQUESTS, sum_by(or_else(calculate(grown, "+", first), grown), "tenant_id", "outcome")
    )
    yield Recording(TENANT_ERROR_RATIO, ratio(tenant_requests(*FAILED), tenant_requests(*ALL)))


def tenant_requests(*outcomes: str) -> QueryExpression:
    """Write the number of each tenant's requests that ended in one of these ways."""
    return sum_by(recorded(TENANT_REQUESTS, outcome=outcomes), "tenant_id")


def _budget_used(window: str) -> QueryExpression:
    """Write the share of each budget that is spent, also while a new process has not read the store yet."""
    spent, limit = (
        over_time("last", select(gauge), window) for gauge in (BUDGET_SPENT_DOLLARS, BUDGET_LIMIT_DOLLARS)
    )
    return max_by(calculate(spent, "/", limit), "tenant_id", "period")


def _limit_used(window: str) -> QueryExpression:
    """Write the spent share of each limit, as that of a budget."""
    spent, amount = (
        over_time("last", select(gauge), window) for gauge in (USAGE_LIMIT_SPENT, USAGE_LIMIT_AMOUNT)
    )
    return max_by(calculate(spent, "/", amount), *LIMIT_LABELS)


def error_ratio(window: str, *labels: str, **matches: Match) -> QueryExpression:
    """Write the share of requests that failed; of some tenants' only where a condition says so."""
    requests = WORKFLOW_REQUESTS_TOTAL if "tenant_id" in matches else WORKFLOW_REQUESTS_OVERALL_TOTAL
    return ratio(
        sum_by(rate(requests, window, outcome=FAILED, **matches), *labels),
        sum_by(rate(requests, window, outcome=ALL, **matches), *labels),
    )


def degradation_ratio(window: str, *labels: str, **matches: Match) -> QueryExpression:
    """Write the share of requests whose answer had to do without something.

    All that it reads exists from the start, as answers and failures of all tenants. Of requests by tenant,
    those before a series was first read would be missing, and a share could exceed 1.
    """
    answers = sum_by(rate(QUALITY_SCORE, window, "count", **matches), *labels)
    failures = sum_by(rate(WORKFLOW_ERRORS_TOTAL, window, **matches), *labels)
    return ratio(
        sum_by(rate(DEGRADED_RESPONSES_TOTAL, window, answerable=ANSWERABLE, **matches), *labels),
        in_brackets(calculate(answers, "+", failures)),
    )


def hit_ratio(window: str, *labels: str, mode: Match = CACHED_MODES, **matches: Match) -> QueryExpression:
    """Write the share of the cache's requests that it answered."""
    asked = WORKFLOW_DURATION_SECONDS
    return ratio(
        sum_by(rate(asked, window, "count", cache_status=HIT, mode=mode, **matches), *labels),
        sum_by(rate(asked, window, "count", mode=mode, cache_status=LOOKED_UP, **matches), *labels),
    )


def mean_quality(window: str, *labels: str, **matches: Match) -> QueryExpression:
    """Write the mean quality of answers, without questions that the documents cannot answer."""
    return mean(QUALITY_SCORE, window, *labels, **matches, answerable=ANSWERABLE)


def failure_ratio(counter: Counter, window: str, **matches: Match) -> QueryExpression:
    """Write the share of calls of tools, or of searches, that failed."""
    return ratio(
        sum_by(rate(counter, window, status=BROKEN, **matches)),
        sum_by(rate(counter, window, status=TRIED, **matches)),
    )


def over_replicas(gauge: Gauge) -> QueryExpression:
    """Add up what each replica's cache has by tier; all replicas share one Redis, which counts once."""
    own = sum_by(select(gauge, tier=("memory", "semantic")), "tier")
    return in_brackets(or_else(own, max_by(select(gauge, tier="redis"), "tier")))


def arrived(window: str) -> QueryExpression:
    """Count the requests that ended, and those that were refused before they began."""
    ended = sum_by(increase(WORKFLOW_REQUESTS_OVERALL_TOTAL, window, outcome=ALL))
    refused = sum_by(increase(REQUESTS_REJECTED_TOTAL, window, reason=REFUSED))
    return in_brackets(calculate(ended, "+", refused))


def _quantiles(name: str, histogram: Histogram, window: dict[str, str]) -> Iterator[Recording]:
    for share, alert in ((0.5, "HighLatency"), (0.95, "HighLatency"), (0.99, "VeryHighLatency")):
        known = compare(quantile(share, histogram, window[alert]), ">=", 0)  # without traffic it is no number
        yield Recording(name, known, {"quantile": str(share)})


def _cache(window: dict[str, str], gap: str) -> Iterator[Recording]:
    """Make what is known of the cache.

    Hits are shares of requests, each of which counts once; by tier they are shares of look-ups.

    :param gap: the time in which a failed scrape changes nothing.
    """
    each = window["LowCacheHitRate"]
    yield Recording(HIT_RATIO, hit_ratio(each))
    yield Recording(HIT_RATIO_BY_MODE, hit_ratio(each, "mode"))
    found = rate(CACHE_OPERATIONS_TOTAL, each, operation="hit")
    sought = rate(CACHE_OPERATIONS_TOTAL, each, operation=LOOKED_UP)
    yield Recording(HIT_RATIO_BY_TIER, ratio(sum_by(found, "tier"), sum_by(sought, "tier")))
    held, room = (lately("last", select(gauge), gap) for gauge in (CACHE_ENTRIES, CACHE_CAPACITY_ENTRIES))
    fullness = ratio(held, room)
    yield Recording(CACHE_FULLNESS, max_by(fullness, "tier"))
    evictions = rate(CACHE_OPERATIONS_TOTAL, window["HighCacheEvictionRate"], operation="evict")
    yield Recording(EVICTIONS, sum_by(evictions, "tier"))
