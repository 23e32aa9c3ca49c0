"""Tests of the twelve alerts: each fires, not just below its threshold, not on too little, and is over again.

They hold for Prometheus 2 and 3 alike, whose windows differ by one sample: all series are straight lines, and
what must not fire is a tenth below.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, TypeAlias

from vital_ops.config import OpsConfig, Threshold
from vital_ops.promql import select
from vital_ops.rules.alert import LONGEST_SETTLING_SECONDS
from vital_ops.rules.case import (
    ENGINE,
    INSTANCES,
    Case,
    Check,
    Line,
    Phase,
    engine_of,
    flat,
    lines,
    write_cases,
)
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

LONG_WINDOW_MINUTES: Final = 1_440.0
"""A window over which one outage is tested, since each test takes long."""

ABOVE, BELOW = 1.1, 0.9
"""What fires, and what must not, in terms of the threshold."""

JUST_ABOVE, JUST_BELOW = 1.02, 0.98
"""The same, as near as Prometheus 2 and 3 agree."""

STILL_ENGINE: Final = ENGINE.replace("one:8000", "still:8000")
"""A replica that is down all the time; the alert is about the others."""

BUSY: Final = 600.0
"""Events a minute."""


NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})
MEMORY: Final[Mapping[str, str]] = MappingProxyType({"tier": "memory"})

Rates: TypeAlias = dict[str, float]
"""How much each series rises in a minute."""

Shape: TypeAlias = Callable[[float, float], Rates]
"""Makes series of a number of events a minute, and of what the alert looks at, such as a share."""


Fault: TypeAlias = tuple[float, float, float | None]
"""Minutes, events a minute, and what the alert looks at, such as a share; None: there is no series."""


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
            labels=alert.rule(config, "").labels,
            step=_step(at),
            file=alert.key,
        )
    return written | slo_tests(COMMENT, config)


def _step(at: Threshold) -> float:
    """Take larger steps where windows are long."""
    return max(1.0, at.window / 60 // SAMPLES)


def _slack(at: Threshold) -> float:
    """A few minutes more than needed."""
    return 3 * _step(at)


def _requests(outcome: str) -> str:
    mode = "1" if outcome == "degraded" else "2"
    return select(WORKFLOW_REQUESTS_TOTAL, mode=mode, tenant_id="acme", outcome=outcome)


def _errors(events: float, share: float) -> Rates:
    return {
        _requests("failed"): events * share,
        _requests("success"): events * (1 - share) * 0.6,
        _requests("degraded"): events * (1 - share) * 0.4,
    } | _without_end(events)


def _without_end(events: float) -> Rates:
    """Requests that users cancelled or that were turned away do not count."""
    return {_requests("cancelled"): 5 * events, _requests("rejected"): 5 * events}


def _degradations(events: float, share: float) -> Rates:
    def series(answerable: str) -> str:
        return select(DEGRADED_RESPONSES_TOTAL, mode="2", answerable=answerable)

    return {
        series("true"): events * share,
        series("false"): events * (1 - share),
        _requests("degraded"): events * share,
        _requests("success"): events * (1 - share) * 0.6,
        _requests("failed"): events * (1 - share) * 0.4,
    } | _without_end(events)


def _broken(series: Callable[[str], str], events: float, share: float) -> Rates:
    return {
        series("failed"): events * share * 0.5,
        series("timeout"): events * share * 0.5,
        series("success"): events * (1 - share),
    }


def _tools(events: float, share: float) -> Rates:
    def series(status: str) -> str:
        return select(TOOL_EXECUTIONS_TOTAL, tool="search", status=status)

    return _broken(series, events, share) | {series("denied"): 5 * events}


def _searches(events: float, share: float) -> Rates:
    def series(status: str) -> str:
        return select(RAG_RETRIEVALS_TOTAL, mode="2", source="memory", status=status)

    return _broken(series, events, share)


def _hits(events: float, share: float) -> Rates:
    def series(mode: str, status: str) -> str:
        return select(
            WORKFLOW_DURATION_SECONDS, "count", mode=mode, cache_status=status, execution="parallel"
        )

    asked = {
        series(mode, status): events * part * times
        for mode, times in (("1", 0.5), ("2", 0.5))
        for status, part in (("hit", share), ("miss", 1 - share))
    }
    conversations = {series(mode, status): 5 * events for mode in "34" for status in ("hit", "miss")}
    return asked | conversations | {series(mode, "bypass"): 5 * events for mode in "123"}


def _quality(events: float, score: float) -> Rates:
    known, unanswerable = ({"mode": "2", "answerable": value} for value in ("true", "false"))
    return {
        select(QUALITY_SCORE, "sum", **known): events * score,
        select(QUALITY_SCORE, "count", **known): events,
        select(QUALITY_SCORE, "sum", **unanswerable): 5 * events * (1 - score),
        select(QUALITY_SCORE, "count", **unanswerable): 5 * events,
    }


def _slow(edge: float) -> Shape:
    """Some requests take longer than an edge of the buckets, all others much less."""

    def shape(events: float, slow: float) -> Rates:
        known = {"mode": "2", "cache_status": "bypass", "execution": "parallel"}
        edges = WORKFLOW_DURATION_SECONDS.edges
        buckets = {le: events * (1 - slow) for le in edges if edge / 5 <= le <= edge}
        above = {le: events for le in edges if le > edge}
        rates = {
            select(WORKFLOW_DURATION_SECONDS, "bucket", **known, le=f"{float(le)}"): rise
            for le, rise in (buckets | above).items()
        }
        rates[select(WORKFLOW_DURATION_SECONDS, "bucket", **known, le="+Inf")] = events
        rates[select(WORKFLOW_DURATION_SECONDS, "count", **known)] = events
        return rates

    return shape


def _times(phases: Sequence[Phase], factor: float) -> list[Phase]:
    return [(minutes, None if amount is None else amount * factor) for minutes, amount in phases]


def _outages(at: Threshold, case: MakeCase, bad: float, fine: float) -> Iterator[Case]:
    """Let the engine die: what fires goes on until it is back, and what is pending does not page."""
    window, hold = at.window / 60, at.hold / 60
    there, settled = window + hold + _slack(at), min(at.window, LONGEST_SETTLING_SECONDS) / 60
    for minutes in OUTAGES if window < LONG_WINDOW_MINUTES else OUTAGES[-1:]:
        gone = there + minutes
        ended = settled if window == settled else window
        yield case(
            f"goes on firing while the engine is down for {minutes} minutes, and is over when the fault is",
            *((there, bad), (minutes, None), (window + _slack(at), fine)),
            checks=[
                *((there, True), (there + minutes / 2, True), (gone, True)),
                *(((gone + settled - 1, True),) if settled > 3 else ()),
                (gone + ended + 2 * _step(at), False),
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
    for name, changed in _NO_ENGINE.items():
        phases = ((there, bad), (10, None), (there, bad))
        dying = case(
            f"goes on firing when {name}",
            *phases,
            checks=[(there + minutes, True) for minutes in (0, *range(2, 10), 11, 10 + window, 10 + there)],
        )
        yield changed(dying, phases)


def _without_targets(case: Case, phases: Sequence[Phase]) -> Case:
    up = flat(*((minutes, None if value is None else 1) for minutes, value in phases))
    still = flat(*((minutes, None if value is None else 0) for minutes, value in phases))
    return replace(case, engine=up, series={**case.series, STILL_ENGINE: still})


def _recorded_late(case: Case, _phases: Sequence[Phase]) -> Case:
    return replace(case, is_recorded_late=True)


_NO_ENGINE: Final[Mapping[str, Callable[[Case, Sequence[Phase]], Case]]] = {
    "no engine is known": _without_targets,
    "what is recorded is older than the outage": _recorded_late,
}


class Edges(NamedTuple):
    """Values around a limit."""

    limit: float
    strong: float
    """Far beyond it."""
    bad: float
    """Beyond it by a tenth."""
    above: float
    """Just beyond it."""
    below: float
    """Just within it."""
    fine: float

    def share(self, bad: float) -> float:
        """Return the share of bad events' time from which on the limit is exceeded."""
        return (self.limit - self.fine) / (bad - self.fine)


def _rising_edges(limit: float) -> Edges:
    most = 1 if limit < 1 else math.inf
    return Edges(
        limit, min(limit * 3, most), min(limit * ABOVE, most), limit * JUST_ABOVE, limit * JUST_BELOW, 0
    )


def _falling_edges(limit: float) -> Edges:
    return Edges(limit, limit / 3, limit * BELOW, limit * JUST_BELOW, limit * JUST_ABOVE, 1)


def _judged(
    at: Threshold, shape: Shape, edges: Edges, labels: Mapping[str, str] = NO_LABELS
) -> Iterator[Case]:
    """Test what is judged over enough events."""
    window, hold, step = at.window / 60, at.hold / 60, _step(at)
    there, before = window + hold + _slack(at), window + _slack(at)

    def case(name: str, *phases: Fault, checks: Sequence[Check], engine: Line | None = None) -> Case:
        names = shape(BUSY, edges.bad)
        series = {
            name: lines(
                *(
                    (minutes, None if value is None else shape(events, value)[name])
                    for minutes, events, value in phases
                )
            )
            for name in names
        }
        up = engine or engine_of([(minutes, value) for minutes, _, value in phases])
        still = {STILL_ENGINE: flat((sum(minutes for minutes, *_ in phases), 0))}
        return Case(name, series | still, checks, up, labels=labels)

    def at_one_pace(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
        return case(name, *((minutes, BUSY, value) for minutes, value in phases), checks=checks)

    yield from _outages(at, at_one_pace, edges.bad, edges.fine)
    # Traffic is four times as much from when the fault begins on
    share = edges.share(edges.bad)
    fires = before + window * share / (4 - 3 * share) + hold
    yield case(
        "fires in its time",
        (before, BUSY, edges.fine),
        (there, 4 * BUSY, edges.bad),
        checks=[(fires - max(1.5 * step, 0.25 * window), False), (fires + 2 * step, True)],
    )
    over = there + window * (1 - edges.share(edges.strong))
    yield case(
        "is over again in its time",
        (there, BUSY, edges.strong),
        (before, BUSY, edges.fine),
        checks=[(there, True), (over - 1.5 * step, True), (over + 2 * step, False)],
    )
    restart = flat((2 * there + 1, 1))
    yield case(
        "goes on firing when counters begin anew",
        (there, BUSY, edges.bad),
        (1, BUSY, None),
        (there, BUSY, edges.bad),
        checks=[(there + minutes, True) for minutes in (0, 2, 3, window / 2, window, there)],
        engine=restart,
    )
    yield case("fires just above", (there, BUSY, edges.above), checks=[(hold - 1, False), (there, True)])
    yield case("does not fire just below", (there, BUSY, edges.below), checks=[(there, False)])
    for name, part, is_enough in (("too little", 0.97, False), ("just enough", 1.04, True)):
        few = part * at.least_events / window
        does = "fires" if is_enough else "does not fire"
        yield case(f"{does} on {name} traffic", (there, few, edges.strong), checks=[(there, is_enough)])


def _rising(at: Threshold, shape: Shape) -> Iterator[Case]:
    return _judged(at, shape, _rising_edges(at.value))


def _falling(at: Threshold, shape: Shape) -> Iterator[Case]:
    return _judged(at, shape, _falling_edges(at.value))


def _late(at: Threshold, quantile: float) -> Iterator[Case]:
    edge = min((le for le in WORKFLOW_DURATION_SECONDS.edges if le >= at.value), default=at.value)
    return _judged(at, _slow(edge), _rising_edges(1 - quantile), {"quantile": str(quantile)})


Level: TypeAlias = Callable[[Sequence[Phase]], dict[str, Line]]
"""Makes series that are at a level for so long, and then at another."""


def _level(
    at: Threshold, write: Level, labels: Mapping[str, str] = NO_LABELS, *, is_summed_up: bool = True
) -> Iterator[Case]:
    """Test what is compared as it is, without a number of events.

    :param is_summed_up: it is of a window, and not what a gauge shows.
    """
    window, hold, step = at.window / 60, at.hold / 60, _step(at)
    there, before = window + hold + _slack(at), window + _slack(at)
    spans = window if is_summed_up else 0
    edges = _rising_edges(at.value)

    def case(
        name: str, *phases: Phase, checks: Sequence[Check], every: float | None = None, restarts: bool = False
    ) -> Case:
        minutes = sum(minutes for minutes, _ in phases)
        up = flat((minutes, 1)) if restarts else engine_of(phases)
        series = write(phases) | {STILL_ENGINE: flat((minutes, 0))}
        return Case(name, series, checks, up, labels=labels, every=every)

    def outage(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
        return case(name, *phases, checks=checks, every=min(step, LONGEST_LOOK_BACK))

    yield from _outages(at, outage, edges.bad, 0)
    fires = before + spans * edges.share(at.value * ABOVE) + hold
    yield case(
        "fires in its time",
        (before, 0),
        (there, at.value * ABOVE),
        checks=[(before, False), (fires - 1.5 * step, False), (fires + 2 * step, True)],
    )
    over = there + spans * (1 - 1 / 2)
    yield case(
        "is over again in its time",
        (there, at.value * 2),
        (before, 0),
        checks=[
            (there, True),
            *([(over - 1.5 * step, True)] if spans else []),
            (over + 2 * step, False),
        ],
    )
    yield case("fires just above", (there, edges.above), checks=[(hold - step, False), (there, True)])
    yield case("does not fire just below", (there, edges.below), checks=[(there, False)])
    yield case("does not fire on a short peak", (hold / 2, edges.bad), (there, 0), checks=[(there, False)])
    if is_summed_up:
        yield case(
            "goes on firing when counters begin anew",
            (there, at.value * 2),
            (step, None),
            (there, at.value * 2),
            checks=[(there, True), (there + window, True), (2 * there, True)],
            restarts=True,
        )


def _fullness(phases: Sequence[Phase]) -> dict[str, Line]:
    """One engine's cache is nearly full, another's and another tier are not."""

    def level(factor: float) -> Line:
        return flat(*_times(phases, factor))

    capacity = flat(*((minutes, None if share is None else 1000) for minutes, share in phases))
    one, two = (f',instance="{instance}"}}' for instance in INSTANCES)
    full, other = select(CACHE_ENTRIES, tier="memory"), select(CACHE_ENTRIES, tier="semantic")
    large, wide = (select(CACHE_CAPACITY_ENTRIES, tier=tier) for tier in ("memory", "semantic"))
    return {
        full.replace("}", one): level(1000),
        full.replace("}", two): level(400),
        other.replace("}", one): level(500),
        large.replace("}", one): capacity,
        large.replace("}", two): capacity,
        wide.replace("}", one): capacity,
    }


def _evictions(phases: Sequence[Phase]) -> dict[str, Line]:
    def series(operation: str, tier: str, mode: str) -> str:
        return select(CACHE_OPERATIONS_TOTAL, operation=operation, tier=tier, mode=mode)

    return {
        series("evict", "memory", "1"): lines(*_times(phases, 36)),
        series("evict", "memory", "2"): lines(*_times(phases, 24)),
        series("evict", "semantic", "1"): lines(*_times(phases, 24)),
        **{series(each, "memory", "1"): lines(*_times(phases, 300)) for each in ("hit", "write", "expire")},
    }


SPENT: Final = select(COST_OVERALL_DOLLARS_TOTAL, mode="2", cost_type="llm")
SPENT_ON_TOOLS: Final = select(COST_OVERALL_DOLLARS_TOTAL, mode="1", cost_type="tools")


def _daily(at: Threshold) -> Iterator[Case]:
    def write(phases: Sequence[Phase]) -> dict[str, Line]:
        return {
            SPENT: lines(*_times(phases, 36 / at.window)),
            SPENT_ON_TOOLS: lines(*_times(phases, 24 / at.window)),
        }

    return _level(at, write)


def _spike(at: Threshold) -> Iterator[Case]:
    """A pace as always, and then more; and a pace that is high at this hour every day or every week."""
    window, hold = at.window / 60, at.hold / 60
    usual = 4 * at.least_dollars_per_hour / 60
    calm, there = at.before / 60 + window + _slack(at), window + hold + _slack(at)
    after = window + _slack(at)
    bad, good = at.value * ABOVE, at.value * BELOW

    def case(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
        return Case(name, {SPENT: lines(*phases)}, checks, engine_of(phases))

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
    "CacheNearCapacity": lambda at: _level(at, _fullness, MEMORY, is_summed_up=False),
    "HighCacheEvictionRate": lambda at: _level(at, _evictions, MEMORY),
    "HighDailyCost": _daily,
    "SuddenCostSpike": _spike,
    "LowQualityScore": lambda at: _falling(at, _quality),
    "HighDegradationRate": lambda at: _rising(at, _degradations),
    "HighToolFailureRate": lambda at: _rising(at, _tools),
    "HighRAGFailureRate": lambda at: _rising(at, _searches),
}
