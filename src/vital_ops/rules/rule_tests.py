"""Tests of the alerts: each fires, not just below its threshold, not on too little, and is over again.

They hold for Prometheus 2 and 3 alike, whose windows differ by one sample: all series are straight lines, and
what must not fire is a tenth below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from vital_ops.config import OpsConfig, Threshold
from vital_ops.promql import select
from vital_ops.rules.case import Case, Check, Line, Phase, flat, lines, write_cases
from vital_ops.rules.groups import ALERT, ALERT_GROUPS, RECORDING, RECORDING_GROUP
from vital_ops.rules.slo_tests import slo_tests
from vital_shared.monitoring.metrics import (
    CACHE_CAPACITY_ENTRIES,
    CACHE_ENTRIES,
    CACHE_OPERATIONS_TOTAL,
    CHARGES_FLAGGED_TOTAL,
    COST_OVERALL_DOLLARS_TOTAL,
    DEGRADED_RESPONSES_TOTAL,
    QUALITY_SCORE,
    RAG_RETRIEVALS_TOTAL,
    STORE_DEAD_LETTERS,
    TOOL_EXECUTIONS_TOTAL,
    WORKFLOW_DURATION_SECONDS,
    WORKFLOW_REQUESTS_TOTAL,
)

__all__ = ["rule_tests"]

COMMENT: Final = "Built by `vital ops build`: promtool test rules prometheus-rules/tests/*.yml"

ORDER: Final = (RECORDING_GROUP, *ALERT_GROUPS)

SAMPLES: Final = 100
"""Of a window, at most."""

ABOVE, BELOW = 1.2, 0.9
"""What fires, and what must not, in terms of the threshold."""

BUSY: Final = 600.0
"""Events a minute."""


Rates: TypeAlias = Mapping[str, float]
"""How much each series rises in a minute."""

Shape: TypeAlias = Callable[[float, float], Rates]
"""Makes series of a number of events a minute, and of what the alert looks at, such as a share."""


def rule_tests(config: OpsConfig) -> dict[str, str]:
    """Write all tests, by the names of their files."""
    twelve = {
        f"{name}.yml": write_cases(
            name,
            CASES[name](at),
            COMMENT,
            selector=config.selector,
            rules=(RECORDING, ALERT),
            groups=ORDER,
            step=_step(at),
        )
        for name, at in config.thresholds.items()
    }
    return twelve | slo_tests(COMMENT, config.selector)


def _step(at: Threshold) -> float:
    """Take larger steps where windows are long."""
    return max(1.0, at.window / 60 // SAMPLES)


def _slack(at: Threshold) -> float:
    """A few minutes more than needed."""
    return 3 * _step(at)


def _requests(outcome: str) -> str:
    return select(WORKFLOW_REQUESTS_TOTAL, mode="2", tenant_id="acme", outcome=outcome)


def _errors(events: float, share: float) -> Rates:
    return {_requests("failed"): events * share, _requests("success"): events * (1 - share)}


def _degradations(events: float, share: float) -> Rates:
    return {
        select(DEGRADED_RESPONSES_TOTAL, mode="2", answerable="true"): events * share,
        _requests("degraded"): events * share,
        _requests("success"): events * (1 - share),
    }


def _tools(events: float, share: float) -> Rates:
    return {
        select(TOOL_EXECUTIONS_TOTAL, tool="search", status="failed"): events * share / 2,
        select(TOOL_EXECUTIONS_TOTAL, tool="search", status="timeout"): events * share / 2,
        select(TOOL_EXECUTIONS_TOTAL, tool="search", status="success"): events * (1 - share),
    }


def _searches(events: float, share: float) -> Rates:
    def series(status: str) -> str:
        return select(RAG_RETRIEVALS_TOTAL, mode="2", source="memory", status=status)

    return {
        series("failed"): events * share / 2,
        series("timeout"): events * share / 2,
        series("success"): events * (1 - share),
    }


def _hits(events: float, share: float) -> Rates:
    def series(mode: str, status: str) -> str:
        return select(
            WORKFLOW_DURATION_SECONDS, "count", mode=mode, cache_status=status, execution="parallel"
        )

    conversations = {
        series("3", "bypass"): events,
        series("1", "bypass"): events,
    }  # are not asked of the cache
    return {series("1", "hit"): events * share, series("2", "miss"): events * (1 - share)} | conversations


def _quality(events: float, score: float) -> Rates:
    known = {"mode": "2", "answerable": "true"}
    return {
        select(QUALITY_SCORE, "sum", **known): events * score,
        select(QUALITY_SCORE, "count", **known): events,
    }


def _slow(edge: float) -> Shape:
    """Some requests take longer than an edge of the buckets, all others much less."""

    def shape(events: float, slow: float) -> Rates:
        known = {"mode": "2", "cache_status": "bypass", "execution": "parallel"}
        buckets = {le: events * (1 - slow) for le in WORKFLOW_DURATION_SECONDS.edges if 1 <= le <= edge}
        above = {le: events for le in WORKFLOW_DURATION_SECONDS.edges if le > edge}
        rates = {
            select(WORKFLOW_DURATION_SECONDS, "bucket", **known, le=f"{float(le)}"): rise
            for le, rise in (buckets | above).items()
        }
        rates[select(WORKFLOW_DURATION_SECONDS, "bucket", **known, le="+Inf")] = events
        rates[select(WORKFLOW_DURATION_SECONDS, "count", **known)] = events
        return rates

    return shape


def _judged(at: Threshold, shape: Shape, bad: float, good: float, fine: float) -> Iterator[Case]:
    """Test what is judged over enough events.

    :param bad: fires.
    :param good: must not fire, though it is near.
    :param fine: is far from firing.
    """
    window, hold = at.window / 60, at.hold / 60
    there = window + hold + _slack(at)

    def case(name: str, events: float, *phases: Phase, checks: Sequence[Check]) -> Case:
        names = shape(events, bad)
        series = {
            name: lines(*((minutes, shape(events, value)[name]) for minutes, value in phases))
            for name in names
        }
        return Case(name, series, checks)

    few = BELOW * at.least_events / 2 / window
    yield case("fires", BUSY, (there, bad), checks=[(hold - 1, False), (there, True)])
    yield case("does not fire just below", BUSY, (there, good), checks=[(there, False)])
    yield case("does not fire on too little traffic", few, (there, bad), checks=[(there, False)])
    over = there + window + _slack(at)
    yield case(
        "is over again",
        BUSY,
        (there, bad),
        (window + _slack(at), fine),
        checks=[(there, True), (over, False)],
    )


def _rising(at: Threshold, shape: Shape) -> Iterator[Case]:
    return _judged(at, shape, min(at.value * ABOVE, 1), at.value * BELOW, 0)


def _falling(at: Threshold, shape: Shape) -> Iterator[Case]:
    return _judged(at, shape, at.value * BELOW, min(at.value * ABOVE, 1), 1)


def _late(at: Threshold, quantile: float) -> Iterator[Case]:
    edge = min((le for le in WORKFLOW_DURATION_SECONDS.edges if le >= at.value), default=at.value)
    share = 1 - quantile
    return _judged(at, _slow(edge), share * ABOVE, share * BELOW, 0)


Level: TypeAlias = Callable[[Sequence[Phase]], Mapping[str, Line]]
"""Makes series that are at a level for so long, and then at another."""


def _level(at: Threshold, write: Level) -> Iterator[Case]:
    """Test what is compared as it is, without a number of events."""
    window, hold = at.window / 60, at.hold / 60
    there, over = window + hold + _slack(at), window + _slack(at)
    above, below = (1.02, 0.98) if at.value < 1 else (ABOVE, BELOW)
    bad, good = at.value * above, at.value * below
    fired = [(hold - 1, False), (there, True)]
    yield Case("fires, and not at once", write([(there, bad)]), fired)
    yield Case("does not fire just below", write([(there, good)]), [(there, False)])
    yield Case("does not fire on a short peak", write([(hold / 2, bad), (there, 0)]), [(there, False)])
    ended = [(there, True), (there + over + 1, False)]
    yield Case("is over again", write([(there, bad), (over, 0)]), ended)


def _fullness(phases: Sequence[Phase]) -> Mapping[str, Line]:
    return {
        select(CACHE_ENTRIES, tier="memory"): flat(*((minutes, 1000 * share) for minutes, share in phases)),
        select(CACHE_CAPACITY_ENTRIES, tier="memory"): flat(*((minutes, 1000) for minutes, _ in phases)),
    }


def _evictions(phases: Sequence[Phase]) -> Mapping[str, Line]:
    series = select(CACHE_OPERATIONS_TOTAL, operation="evict", tier="memory", mode="1")
    return {series: lines(*((minutes, each_second * 60) for minutes, each_second in phases))}


SPENT: Final = select(COST_OVERALL_DOLLARS_TOTAL, mode="2", cost_type="llm")


def _daily(at: Threshold) -> Iterator[Case]:
    minutes = at.window / 60
    return _level(at, lambda phases: {SPENT: lines(*((each, dollars / minutes) for each, dollars in phases))})


def _spike(at: Threshold) -> Iterator[Case]:
    """An hour as always, and then more."""
    window, hold, before = at.window / 60, at.hold / 60, at.before / 60
    calm, usual = before + window + _slack(at), 4 * at.least_dollars_per_hour / 60
    there = window + hold + _slack(at)

    def case(name: str, each_minute: float, times: float, *checks: Check) -> Case:
        phases = ((calm, each_minute), (there, each_minute * times), (window + _slack(at), each_minute))
        return Case(name, {SPENT: lines(*phases)}, checks)

    firing, over = calm + there, calm + there + window + _slack(at) + 2
    bad, good = at.value * ABOVE, at.value * BELOW
    cheap = at.least_dollars_per_hour * BELOW / bad / 60
    yield case("fires", usual, bad, (calm, False), (firing, True))
    yield case("does not fire just below", usual, good, (firing, False))
    yield case("does not fire on what costs next to nothing", cheap, bad, (firing, False))
    yield case("is over again", usual, bad, (firing, True), (over, False))


def _set_aside(at: Threshold) -> Iterator[Case]:
    """Fire at once, on either; hold until somebody has seen to it, or a window after a charge."""
    letters, window = select(STORE_DEAD_LETTERS), at.window / 60
    clamped, estimated = (select(CHARGES_FLAGGED_TOTAL, flag=flag) for flag in ("clamped", "estimated"))

    def case(name: str, waiting: Line, rise: Line, *checks: Check) -> Case:
        return Case(name, {letters: waiting, clamped: rise, estimated: lines((100, 60))}, checks)

    none, quiet = flat((100, 0)), lines((100, 0))
    written = flat((9, 0), (30, at.value), (60, 0))
    yield case(
        "fires at once, until it is seen to", written, quiet, (9, False), (10, True), (39, True), (42, False)
    )
    rise = lines((9, 0), (1, at.value), (90, 0))
    over = 12 + window + _slack(at)
    yield case("fires on a clamped charge", none, rise, (9, False), (11, True), (over, False))
    few = lines((9, 0), (1, at.value * BELOW / 2), (90, 0))
    yield case("does not fire on less", flat((100, at.value * BELOW / 2)), quiet, (50, False))
    yield case("does not fire on estimates alone", none, few, (11, False), (90, False))


CASES: Final[Mapping[str, Callable[[Threshold], Iterator[Case]]]] = {
    "HighErrorRate": lambda at: _rising(at, _errors),
    "HighLatency": lambda at: _late(at, 0.95),
    "VeryHighLatency": lambda at: _late(at, 0.99),
    "LowCacheHitRate": lambda at: _falling(at, _hits),
    "CacheNearCapacity": lambda at: _level(at, _fullness),
    "HighCacheEvictionRate": lambda at: _level(at, _evictions),
    "HighDailyCost": _daily,
    "SuddenCostSpike": _spike,
    "LowQualityScore": lambda at: _falling(at, _quality),
    "HighDegradationRate": lambda at: _rising(at, _degradations),
    "HighToolFailureRate": lambda at: _rising(at, _tools),
    "HighRAGFailureRate": lambda at: _rising(at, _searches),
    "DeadLetters": _set_aside,
}
