"""Series of the twelve alerts' tests, by events a minute and by the share of them that the alert looks at.

Every label of a metric has more than one value among what counts, and what must not count is there five times
as much.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from vital_ops.promql import select
from vital_shared.monitoring.metrics import (
    DEGRADED_RESPONSES_TOTAL,
    QUALITY_SCORE,
    RAG_RETRIEVALS_TOTAL,
    REQUESTS_REJECTED_TOTAL,
    TOOL_EXECUTIONS_TOTAL,
    WORKFLOW_DURATION_SECONDS,
    WORKFLOW_ERRORS_TOTAL,
    WORKFLOW_REQUESTS_OVERALL_TOTAL,
    WORKFLOW_REQUESTS_TOTAL,
)

__all__ = [
    "Rates",
    "Shape",
    "at_the_edge",
    "degradations",
    "errors",
    "hits",
    "nearly_slow",
    "on",
    "quality",
    "rejections",
    "searches",
    "slow",
    "tenant_errors",
    "tools",
]

Rates: TypeAlias = dict[str, float]
"""The rise of each series in a minute."""

Shape: TypeAlias = Callable[[float, float], Rates]
"""A maker of series of a number of events a minute, and of what the alert looks at, such as a share."""

UNCOUNTED: Final = 5.0
"""The part that must not count, as a multiple of the part that does."""


def on(series: str, instance: str) -> str:
    """Let a series be of one engine alone."""
    return series.replace("}", f',instance="{instance}"}}')


def _requests(outcome: str) -> str:
    mode = {"success": "1", "degraded": "3"}.get(outcome, "2")
    return select(WORKFLOW_REQUESTS_OVERALL_TOTAL, mode=mode, outcome=outcome)


def errors(events: float, share: float) -> Rates:
    """Let a share of the requests fail."""
    return {
        _requests("failed"): events * share,
        _requests("success"): events * (1 - share) * 0.6,
        _requests("degraded"): events * (1 - share) * 0.4,
    } | _without_end(events)


def _without_end(events: float) -> Rates:
    """Leave out requests that users cancelled or that were turned away."""
    return {_requests(outcome): UNCOUNTED * events for outcome in ("cancelled", "rejected")}


def degradations(events: float, share: float, failed_rest: float = 0.4) -> Rates:
    """Let a share of the answers be made without something.

    :param failed_rest: the share of the other requests that fail.
    """
    failures, answers = events * (1 - share) * failed_rest, events * (1 - share) * (1 - failed_rest)

    def series(answerable: str, mode: str) -> str:
        return select(DEGRADED_RESPONSES_TOTAL, mode=mode, answerable=answerable)

    def answered(answerable: str, mode: str) -> str:
        return select(QUALITY_SCORE, "count", mode=mode, answerable=answerable)

    def failed(error_type: str, mode: str) -> str:
        return select(WORKFLOW_ERRORS_TOTAL, mode=mode, error_type=error_type)

    return {
        answered("true", "1"): events * share,
        answered("false", "2"): answers,
        failed("model", "2"): failures * 0.6,
        failed("store", "1"): failures * 0.4,
        series("true", "2"): events * share * 0.7,
        series("true", "1"): events * share * 0.3,
        series("false", "2"): events * (1 - share),
        _requests("degraded"): events * share,
        _requests("success"): answers,
        _requests("failed"): failures,
    } | _without_end(events)


def tools(events: float, share: float) -> Rates:
    """Let a share of the calls of tools fail; what users deny does not count."""

    def series(status: str, tool: str) -> str:
        return select(TOOL_EXECUTIONS_TOTAL, tool=tool, status=status)

    return {
        series("failed", "search"): events * share * 0.625,
        series("timeout", "calculator"): events * share * 0.375,
        series("success", "search"): events * (1 - share) * 0.5,
        series("success", "calculator"): events * (1 - share) * 0.5,
        series("denied", "search"): UNCOUNTED * events,
    }


def searches(events: float, share: float, timed_out: float = 0.375) -> Rates:
    """Let a share of the searches fail.

    :param timed_out: the share of those that take too long.
    """

    def series(status: str, source: str, mode: str) -> str:
        return select(RAG_RETRIEVALS_TOTAL, mode=mode, source=source, status=status)

    return {
        series("failed", "memory", "2"): events * share * (1 - timed_out),
        series("timeout", "pinecone", "1"): events * share * timed_out,
        series("success", "memory", "1"): events * (1 - share) * 0.5,
        series("success", "pinecone", "2"): events * (1 - share) * 0.5,
    }


def hits(events: float, share: float) -> Rates:
    """Let the cache answer a share of what it is asked; conversations and what passes by do not count."""

    def series(mode: str, status: str, execution: str = "parallel") -> str:
        return select(WORKFLOW_DURATION_SECONDS, "count", mode=mode, cache_status=status, execution=execution)

    asked = {
        series(mode, status, execution): events * part * 0.5
        for mode, execution in (("1", "parallel"), ("2", "sequential"))
        for status, part in (("hit", share), ("miss", 1 - share))
    }
    conversations = {series(mode, status): UNCOUNTED * events for mode in "34" for status in ("hit", "miss")}
    return asked | conversations | {series(mode, "bypass"): UNCOUNTED * events for mode in "123"}


def quality(events: float, score: float) -> Rates:
    """Let answers have a mean score: better in one engine than in the other."""
    rates: Rates = {}
    for mode, instance, part, times in (("2", "one:8000", 0.75, 14 / 15), ("1", "two:8000", 0.25, 1.2)):
        known = {"mode": mode, "answerable": "true"}
        rates[on(select(QUALITY_SCORE, "sum", **known), instance)] = events * part * score * times
        rates[on(select(QUALITY_SCORE, "count", **known), instance)] = events * part
    unanswerable = {"mode": "2", "answerable": "false"}
    return rates | {
        select(QUALITY_SCORE, "sum", **unanswerable): UNCOUNTED * events * (1 - score),
        select(QUALITY_SCORE, "count", **unanswerable): UNCOUNTED * events,
    }


def slow(lower: float, edge: float, upper: float) -> Shape:
    """Let a share of the requests take longer than an edge of the buckets, all of them in one engine.

    :param lower: the edge below it, within which all others stay.
    :param upper: the edge above it, within which the slow ones stay.
    """

    def shape(events: float, share: float) -> Rates:
        late = share * events
        first = {lower: 0.2 * events - late, edge: 0.2 * events - late, upper: 0.2 * events}
        return _durations("1", "one:8000", first) | _durations(
            "2", "two:8000", dict.fromkeys(first, 0.8 * events)
        )

    return shape


def nearly_slow(lower: float, edge: float, upper: float) -> Shape:
    """Let a share of the requests take nearly as long as an edge of the buckets, and none longer."""

    def shape(events: float, share: float) -> Rates:
        buckets = {lower: events * (1 - share), edge: events, upper: events}
        return _durations("1", "one:8000", buckets)

    return shape


def at_the_edge(lower: float, edge: float, upper: float) -> Shape:
    """Let all but a share of the requests take no longer than an edge, half of all nearly as long."""

    def shape(events: float, share: float) -> Rates:
        buckets = {lower: events / 2, edge: events * (1 - share), upper: events}
        return _durations("1", "one:8000", buckets)

    return shape


def _durations(mode: str, instance: str, buckets: dict[float, float]) -> Rates:
    known = {"mode": mode, "cache_status": "bypass", "execution": "parallel"}
    rates = {f"{float(le)}": rise for le, rise in buckets.items()} | {"+Inf": max(buckets.values())}
    series = {
        select(WORKFLOW_DURATION_SECONDS, "bucket", **known, le=le): rise for le, rise in rates.items()
    } | {select(WORKFLOW_DURATION_SECONDS, "count", **known): rates["+Inf"]}
    return {on(name, instance): rise for name, rise in series.items()}


def rejections(events: float, share: float) -> Rates:
    """Let a share of the requests be refused; a tenant's own limits do not count."""

    def refused(reason: str) -> str:
        return select(REQUESTS_REJECTED_TOTAL, reason=reason)

    return (
        {
            refused("overload"): events * share * 0.6,
            refused("auth"): events * share * 0.4,
            _requests("success"): events * (1 - share) * 0.5,
            _requests("degraded"): events * (1 - share) * 0.3,
            _requests("failed"): events * (1 - share) * 0.2,
        }
        | {refused(reason): UNCOUNTED * events for reason in ("budget", "rate_limit", "invalid")}
        | _without_end(events)
    )


def tenant_errors(events: float, share: float) -> Rates:
    """Let a share of one tenant's requests fail, among many of another."""

    def series(outcome: str, mode: str, tenant: str = "acme") -> str:
        return select(WORKFLOW_REQUESTS_TOTAL, mode=mode, tenant_id=tenant, outcome=outcome)

    return {
        series("failed", "2"): events * share,
        series("success", "1"): events * (1 - share) * 0.6,
        series("degraded", "3"): events * (1 - share) * 0.4,
        series("cancelled", "2"): UNCOUNTED * events,
        series("rejected", "2"): UNCOUNTED * events,
        series("success", "1", "globex"): 50 * events,
        series("failed", "1", "globex"): events,
    }
