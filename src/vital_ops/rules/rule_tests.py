"""Tests of the twelve alerts: each fires, not just below its threshold, not on too little, and is over again.

They hold for Prometheus 2 and 3 alike, whose windows differ by one sample: all series are straight lines, and
what must not fire is a tenth below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, Protocol, TypeAlias

from vital_ops.config import OpsConfig, Threshold
from vital_ops.promql import select
from vital_ops.rules.alert import LONGEST_SETTLING_SECONDS
from vital_ops.rules.case import Case, Check, Line, Phase, flat, lines, write_cases
from vital_ops.rules.groups import ALERT, ALERT_GROUPS, EVERY_ALERT, RECORDING, RECORDING_GROUP
from vital_ops.rules.reliability_tests import RELIABILITY_CASES
from vital_ops.rules.slo_tests import slo_tests
from vital_shared.monitoring.metrics import (
    CACHE_CAPACITY_ENTRIES,
    CACHE_ENTRIES,
    CACHE_OPERATIONS_TOTAL,
    COST_OVERALL_DOLLARS_TOTAL,
    DEGRADED_RESPONSES_TOTAL,
    QUALITY_SCORE,
    RAG_RETRIEVALS_TOTAL,
    TOOL_EXECUTIONS_TOTAL,
    WORKFLOW_DURATION_SECONDS,
    WORKFLOW_REQUESTS_TOTAL,
)

__all__ = ["rule_tests"]

COMMENT: Final = "Built by `vital ops build`: promtool test rules prometheus-rules/tests/*.yml"

ORDER: Final = (RECORDING_GROUP, *ALERT_GROUPS)

SAMPLES: Final = 100
"""Of a window, at most."""

LONGEST_LOOK_BACK: Final = 4.0
"""Minutes between evaluations at most where an alert looks at its own state: Prometheus looks back five."""

SEASON_MINUTES: Final = 30.0
"""Minutes between evaluations over a day or a week."""

OUTAGES: Final = (1, 10, 60)
"""Minutes without an engine."""

ABOVE, BELOW = 1.2, 0.9
"""What fires, and what must not, in terms of the threshold."""

BUSY: Final = 600.0
"""Events a minute."""


Rates: TypeAlias = Mapping[str, float]
"""How much each series rises in a minute."""

Shape: TypeAlias = Callable[[float, float], Rates]
"""Makes series of a number of events a minute, and of what the alert looks at, such as a share."""


class MakeCase(Protocol):
    """Makes a case of the phases of its fault."""

    def __call__(self, name: str, *phases: Phase, checks: Sequence[Check]) -> Case: ...


def rule_tests(config: OpsConfig) -> dict[str, str]:
    """Write all tests, by the names of their files."""
    written: dict[str, str] = {}
    for alert in EVERY_ALERT:
        at = config.threshold(alert.key)
        written |= write_cases(
            alert.name,
            CASES[alert.key](at),
            COMMENT,
            selector=config.selector,
            rules=(RECORDING, ALERT),
            groups=ORDER,
            step=_step(at),
            file=alert.key,
        )
    return written | slo_tests(COMMENT, config.selector)


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


def _engine(phases: Sequence[Phase]) -> Line:
    """Let the engine be up while there are series, and down while there are none."""
    return flat(*((minutes, 0 if amount is None else 1) for minutes, amount in phases))


def _times(phases: Sequence[Phase], factor: float) -> list[Phase]:
    return [(minutes, None if amount is None else amount * factor) for minutes, amount in phases]


def _outages(at: Threshold, case: MakeCase, bad: float, fine: float) -> Iterator[Case]:
    """Let the engine die: what fires goes on until it is back, and what is pending does not page."""
    window, hold = at.window / 60, at.hold / 60
    there, settled = window + hold + _slack(at), min(at.window, LONGEST_SETTLING_SECONDS) / 60
    for minutes in OUTAGES:
        gone = there + minutes
        yield case(
            f"goes on firing while the engine is down for {minutes} minutes, and is over when the fault is",
            *((there, bad), (minutes, None), (window + _slack(at), fine)),
            checks=[
                *((there, True), (there + minutes / 2, True), (gone, True)),
                (gone + window + _slack(at), False),
            ],
        )
        yield case(
            f"goes on firing when the engine is back after {minutes} minutes and the fault is still there",
            *((there, bad), (minutes, None), (there, bad)),
            checks=[
                *((gone, True), (gone + settled / 2, True), (gone + window, True), (gone + there, True)),
            ],
        )
    pending = hold / 2
    yield case(
        "does not fire when the engine dies before its time",
        *((pending, bad), (there, None)),
        checks=[(pending + hold, False), (pending + there, False)],
    )


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
            name: lines(
                *(
                    (minutes, None if value is None else shape(events, value)[name])
                    for minutes, value in phases
                )
            )
            for name in names
        }
        return Case(name, series, checks, _engine(phases))

    few = BELOW * at.least_events / 2 / window
    yield from _outages(at, lambda name, *phases, checks: case(name, BUSY, *phases, checks=checks), bad, fine)
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
    yield from _outages(at, partial(_level_case, write, min(_step(at), LONGEST_LOOK_BACK)), bad, 0)
    yield Case("fires, and not at once", write([(there, bad)]), fired)
    yield Case("does not fire just below", write([(there, good)]), [(there, False)])
    yield Case("does not fire on a short peak", write([(hold / 2, bad), (there, 0)]), [(there, False)])
    ended = [(there, True), (there + over + 1, False)]
    yield Case("is over again", write([(there, bad), (over, 0)]), ended)


def _level_case(write: Level, every: float, name: str, /, *phases: Phase, checks: Sequence[Check]) -> Case:
    return Case(name, write(phases), checks, _engine(phases), every=every)


def _fullness(phases: Sequence[Phase]) -> Mapping[str, Line]:
    entries = ((minutes, None if share is None else 1000 * share) for minutes, share in phases)
    capacity = ((minutes, None if share is None else 1000) for minutes, share in phases)
    return {
        select(CACHE_ENTRIES, tier="memory"): flat(*entries),
        select(CACHE_CAPACITY_ENTRIES, tier="memory"): flat(*capacity),
    }


def _evictions(phases: Sequence[Phase]) -> Mapping[str, Line]:
    series = select(CACHE_OPERATIONS_TOTAL, operation="evict", tier="memory", mode="1")
    return {series: lines(*_times(phases, 60))}


SPENT: Final = select(COST_OVERALL_DOLLARS_TOTAL, mode="2", cost_type="llm")


def _daily(at: Threshold) -> Iterator[Case]:
    return _level(at, lambda phases: {SPENT: lines(*_times(phases, 60 / at.window))})


def _spike(at: Threshold) -> Iterator[Case]:
    """A pace as always, and then more; and a pace that is high at this hour every day or every week."""
    window, hold = at.window / 60, at.hold / 60
    usual = 4 * at.least_dollars_per_hour / 60
    calm, there = at.before / 60 + window + _slack(at), window + hold + _slack(at)
    after = window + _slack(at)
    bad, good = at.value * ABOVE, at.value * BELOW

    def case(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
        return Case(name, {SPENT: lines(*phases)}, checks, _engine(phases))

    def spike(name: str, each_minute: float, times: float, *checks: Check) -> Case:
        return case(
            name, (calm, each_minute), (there, each_minute * times), (after, each_minute), checks=checks
        )

    firing, over = calm + there, calm + there + after + 2
    cheap = at.least_dollars_per_hour * BELOW / bad / 60
    yield spike("fires", usual, bad, (calm, False), (calm + hold / 2, False), (firing, True))
    yield spike("does not fire just below", usual, good, (firing, False))
    yield spike("does not fire on what costs next to nothing", cheap, bad, (firing, False))
    yield spike("is over again", usual, bad, (firing, True), (over, False))
    yield from _unknown_usual(at, case, there)
    yield from _same_hour(at, usual * bad)
    yield from _outages(at, case, at.unknown_dollars_per_hour * bad / 60, usual)


def _unknown_usual(at: Threshold, case: MakeCase, there: float) -> Iterator[Case]:
    """A new engine, of which nothing is known: a day's limit by the hour is the usual."""
    limit = at.value * at.unknown_dollars_per_hour / 60
    yield case("fires on a new engine that spends too fast", (there, limit * 1.1), checks=[(there, True)])
    yield case("does not fire on a new engine within limits", (there, limit * BELOW), checks=[(there, False)])


def _same_hour(at: Threshold, busy: float) -> Iterator[Case]:
    """Two hours of each day, or of one day of the week, cost much."""
    hour, idle = 60.0, at.least_dollars_per_hour / 60
    for name, back in (("yesterday", at.day), ("a week ago", at.week)):
        rest = back / 60 - 2 * hour
        phases: tuple[Phase, ...] = ((3 * hour, idle), (2 * hour, busy), (rest, idle), (2 * hour, busy))
        began = 3 * hour + back / 60
        checks = [began + minutes for minutes in (30, 60, 90)]
        yield Case(
            f"does not fire at an hour that was as dear {name}",
            {SPENT: lines(*phases)},
            [(minute, False) for minute in checks],
            every=SEASON_MINUTES,
        )
        dearer = (*phases[:3], (2 * hour, busy * at.value * ABOVE))
        yield Case(
            f"fires at an hour that was much less dear {name}",
            {SPENT: lines(*dearer)},
            [(checks[1], True)],
            every=SEASON_MINUTES,
        )


CASES: Final[Mapping[str, Callable[[Threshold], Iterable[Case]]]] = {
    **RELIABILITY_CASES,
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
}
