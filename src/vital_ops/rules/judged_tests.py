"""Tests of alerts that judge a share, a mean or a percentile over enough events."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from vital_ops.rules.case import Case, Check, Phase, SeriesPhases, engine_of, flat, lines
from vital_ops.rules.outage_tests import STILL_ENGINE, outages
from vital_ops.rules.shapes import Shape, at_the_edge, degradations, nearly_slow, slow
from vital_ops.rules.timing import Timing
from vital_ops.thresholds import Threshold
from vital_shared.monitoring.metrics import WORKFLOW_DURATION_SECONDS

__all__ = ["Fault", "case_of", "degraded", "falling", "late", "rising", "timed_out"]

ABOVE, BELOW = 1.1, 0.9
"""Values that fire, and that must not, as multiples of the threshold."""

JUST_ABOVE, JUST_BELOW = 1.02, 0.98
"""The same, as near as Prometheus 2 and 3 agree."""

BUSY_PER_MINUTE: Final = 600.0
"""Events a minute, where an alert does not need more."""

BURST: Final = 6
"""The traffic of a short time, as a multiple, so that both sides of a share need the same window."""

EXACT: Final = 36_000.0
"""Events a minute, of which a share is exact in whatever order Prometheus adds up."""

EXACT_SHARE, EXACT_EVENTS = 100, 20
"""Parts of a share, and events, in whose multiples Prometheus adds the series below up exactly."""

EXACT_WINDOWS, EXACT_HOLD_MINUTES = (5, 10, 15), 20
"""Windows, and the longest hold, in minutes, over which it does."""

SLOW_ENGINE: Final = 0.2
"""The share of the requests that the slow engine has; see `slow`."""

NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})

Fault: TypeAlias = tuple[float, float, float | None]
"""Minutes, events a minute, and what the alert looks at, such as a share; None: there is no series."""


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
    whole: float
    """Far beyond it, and a whole number of events."""

    def share(self, bad: float) -> float:
        """Return the share of bad events' time from which on the limit is exceeded."""
        return (self.limit - self.fine) / (bad - self.fine)


def rising(
    at: Threshold, shape: Shape, recorded: str, labels: Mapping[str, str] = NO_LABELS
) -> Iterator[Case]:
    """Test what must not rise above a limit.

    :param recorded: the series that has its value.
    :param labels: the labels that the alert has of its series.
    """
    yield from _judged(at, shape, _rising_edges(at.value), recorded, labels)
    yield from _at_the_limit(at, shape, at.value, labels)


def falling(at: Threshold, shape: Shape, recorded: str) -> Iterator[Case]:
    """Test what must not fall below a limit.

    :param recorded: the series that has its value.
    """
    limit = at.value
    edges = Edges(limit, limit / 3, limit * BELOW, limit * JUST_BELOW, limit * JUST_ABOVE, 1, 0)
    yield from _judged(at, shape, edges, recorded)
    yield from _at_the_limit(at, shape, limit)


def _busy(at: Threshold) -> float:
    """Return events a minute of which a window has far more than the alert needs."""
    return max(BUSY_PER_MINUTE, 10 * at.least_events / (at.window / 60))


def _at_the_limit(
    at: Threshold, shape: Shape, limit: float, labels: Mapping[str, str] = NO_LABELS
) -> Iterator[Case]:
    timing, parts = Timing.of(at), limit * EXACT_SHARE
    if _adds_up(timing) and math.isclose(parts, round(parts)):
        case = partial(case_of, shape, labels=labels)
        yield _exactly(timing, case, "does not fire at the limit itself", (EXACT, limit), fires=False)


def _adds_up(timing: Timing) -> bool:
    return timing.window in EXACT_WINDOWS and timing.hold <= EXACT_HOLD_MINUTES


def timed_out(at: Threshold, shape: Shape) -> Case:
    """Let nearly as many fail as fire, all of them in the same way.

    :param shape: the series of such failures alone.
    """
    there, busy = Timing.of(at).there, _busy(at)
    phase = (there, busy, _rising_edges(at.value).below)
    return case_of(shape, "does not fire just below where all time out", phase, checks=[(there, False)])


def degraded(at: Threshold, recorded: str) -> Iterator[Case]:
    """Test the share of degraded answers, whether the other requests are answered, fail, or both.

    :param recorded: the series that has its value.
    """
    yield from rising(at, degradations, recorded)
    timing, strong, busy = Timing.of(at), _rising_edges(at.value).strong, _busy(at)
    # A tenth of the traffic is left when the fault begins.
    crossed = timing.window * 10 * at.value / (strong + 9 * at.value)
    fires = timing.full + timing.step + crossed + timing.hold
    for failed_rest, rest in ((0.0, "answered"), (1.0, "failures")):
        yield case_of(
            partial(degradations, failed_rest=failed_rest),
            f"fires in its time where all others are {rest}",
            (timing.full, 10 * busy, 0),
            (timing.there, busy, strong),
            checks=[(fires - 2 * timing.step, False), (fires + 3 * timing.step, True)],
        )


def late(at: Threshold, quantile: float, recorded: str) -> Iterator[Case]:
    """Test what must not take longer than a limit.

    :param recorded: the series that has its value.
    """
    edges = WORKFLOW_DURATION_SECONDS.buckets
    lower = max((le for le in edges if le < at.value), default=at.value / 2)
    upper = min((le for le in edges if le > at.value), default=at.value * 2)
    around = lower, at.value, upper  # the limit is an edge of the test's own buckets, wherever it is
    labels = {"quantile": str(quantile)}
    edges_of_share = _rising_edges(1 - quantile)._replace(whole=SLOW_ENGINE)
    yield from _judged(at, slow(*around), edges_of_share, recorded, labels)
    yield from _at_the_limit(at, at_the_edge(*around), 1 - quantile, labels)
    yield _slow_engine_anew(slow(*around), at, labels)
    phase = (Timing.of(at).there, _busy(at), 0.8)
    yield replace(
        case_of(nearly_slow(*around), "does not fire where many are nearly as slow", phase, checks=[]),
        checks=[(phase[0], False)],
        labels=labels,
    )


def _slow_engine_anew(shape: Shape, at: Threshold, labels: Mapping[str, str]) -> Case:
    """Let the counters of one engine begin anew, of which all requests are slow; the other's go on."""
    there, busy = Timing.of(at).there, _busy(at)
    minutes = 2 * there + 1
    made = case_of(
        shape,
        "goes on firing when the counters of the slow engine begin anew",
        *(
            (there, busy, SLOW_ENGINE),
            (1, busy, None),
            (there, busy, SLOW_ENGINE),
        ),
        checks=[(there + after, True) for after in (0, 3, 4, 5, there)],
        engine=flat((minutes, 1)),
        labels=labels,
    )
    rates = shape(busy, SLOW_ENGINE)
    series = {
        name: line.times(3) if "one:8000" in name else lines((minutes, rates.get(name, 0)))
        for name, line in made.series.items()
    }
    return replace(made, series=series | {STILL_ENGINE: flat((minutes, 0))})


def _rising_edges(limit: float) -> Edges:
    most = 1 if limit < 1 else math.inf
    return Edges(
        limit, min(limit * 3, most), min(limit * ABOVE, most), limit * JUST_ABOVE, limit * JUST_BELOW, 0, 1
    )


def case_of(
    shape: Shape,
    name: str,
    *phases: Fault,
    checks: Sequence[Check],
    engine: SeriesPhases | None = None,
    labels: Mapping[str, str] = NO_LABELS,
) -> Case:
    """Make a case of phases with events and faults; no engine is up while there are no series."""
    series = {
        each: lines(
            *(
                (minutes, None if value is None else shape(events, value)[each])
                for minutes, events, value in phases
            )
        )
        for each in shape(1, 0)
    }
    up = engine or engine_of([(minutes, value) for minutes, _, value in phases])
    still = {STILL_ENGINE: flat((sum(minutes for minutes, *_ in phases), 0))}
    return Case(name, series | still, checks, up, labels=labels)


def _judged(
    at: Threshold, shape: Shape, edges: Edges, recorded: str, labels: Mapping[str, str] = NO_LABELS
) -> Iterator[Case]:
    """Test what is judged over enough events."""
    timing, busy = Timing.of(at), _busy(at)
    window, hold, step, there, full = timing.window, timing.hold, timing.step, timing.there, timing.full

    def case(name: str, *phases: Fault, checks: Sequence[Check], engine: SeriesPhases | None = None) -> Case:
        return case_of(shape, name, *phases, checks=checks, engine=engine, labels=labels)

    def at_one_pace(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
        return case(name, *((minutes, busy, value) for minutes, value in phases), checks=checks)

    yield from outages(timing, at_one_pace, edges.bad, edges.fine)
    # Traffic is four times as much from when the fault begins on. A phase has a sample more than its steps.
    share = edges.share(edges.bad)
    fires = full + step + window * share / (4 - 3 * share) + hold
    yield case(
        "fires in its time",
        (full, busy, edges.fine),
        (there, 4 * busy, edges.bad),
        checks=[(fires - max(1.2 * step, 0.15 * window), False), (fires + 3 * step, True)],
    )
    over = there + step + window * (1 - edges.share(edges.strong))
    yield case(
        "is over again in its time",
        (there, busy, edges.strong),
        (full, busy, edges.fine),
        checks=[(there, True), (over - 2 * step, True), (over + 1.5 * step, False)],
    )
    anew = case(
        "goes on firing when all counters begin anew",
        (there, busy, edges.strong),
        (1, busy, None),
        (there, busy, edges.strong),
        checks=[(there + minutes, True) for minutes in (0, 2, 3, window / 2, window, there)],
        engine=flat((2 * there + 1, 1)),
    )
    yield from _anew(anew, shape(busy, edges.strong), 2 * there + 1)
    burst = max(window // 4, step)
    yield case(
        "fires just above, and goes on while traffic rises and falls",
        (there, busy, edges.above),
        (burst, BURST * busy, edges.above),
        (full, busy, edges.above),
        checks=[
            *([(hold - 1, False)] if hold >= 1 else []),
            *((there, True), (there + burst, True)),
            *((there + burst + window * part, True) for part in (0.5, 0.6, 1)),
        ],
    )
    yield case("does not fire just below", (there, busy, edges.below), checks=[(there, False)])
    strong = min(edges.strong, (1 + edges.limit) / 2)
    amounts = (("too little", 0.97, False), ("just enough", 1.04, True)) if at.least_events else ()
    for name, part, is_enough in amounts:
        few = part * at.least_events / window
        does = "fires" if is_enough else "does not fire"
        yield case(f"{does} on {name} traffic", (there, few, strong), checks=[(there, is_enough)])
    idle = case(
        "has no value without traffic",
        (full, busy, edges.fine),
        (full, 0, edges.fine),
        checks=[(full, False)],
    )
    yield replace(idle, unrecorded=((2 * full, recorded),))
    seldom = case(
        "has a value where there is less than one event in a window",
        (full, 0.5 / window, edges.strong),
        checks=[(full, False)] if at.least_events else [],
    )
    yield replace(seldom, unrecorded=((full, f"absent({recorded})"),))
    if at.least_events and at.least_events % EXACT_EVENTS == 0 and _adds_up(timing):
        enough = at.least_events / window
        yield _exactly(timing, case, "fires on the least traffic itself", (enough, edges.whole), fires=True)


def _exactly(
    timing: Timing, case: Callable[..., Case], name: str, each: tuple[float, float], *, fires: bool
) -> Case:
    """Stay at a limit, with numbers of which neither Prometheus 2 nor 3 makes another by rounding.

    :param each: events a minute, and what the alert looks at.
    """
    lasts = timing.there + 4 * timing.exact_step
    made = case(name, (lasts, *each), checks=[(lasts, fires)])
    return replace(made, every=timing.exact_step, is_exact=True)


def _anew(case: Case, rates: Mapping[str, float], minutes: float) -> Iterator[Case]:
    """Let all counters begin anew, and all but those of the first engine, which is the worse."""
    yield case
    first = {name: lines((minutes, rise)) for name, rise in rates.items() if 'instance="one:8000"' in name}
    if first:
        name = "goes on firing when the counters of the other engine begin anew"
        yield replace(case, name=name, series={**case.series, **first})
