"""Tests of alerts that compare a level as it is, without a number of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias

from vital_ops.promql import select
from vital_ops.rules.case import INSTANCES, Case, Check, Phase, SeriesPhases, engine_of, flat, lines, times
from vital_ops.rules.outage_tests import (
    EVALUATION_MINUTES,
    LONG_WINDOW_MINUTES,
    SCRAPE_MINUTES,
    SELDOM_MINUTES,
    STILL_ENGINE,
    UNREAD_MINUTE,
    outages,
    pending_through_failed_scrapes,
    unknown_engine,
)
from vital_ops.rules.recording import CACHE_FULLNESS
from vital_ops.rules.shapes import on
from vital_ops.rules.timing import Timing
from vital_ops.thresholds import Threshold
from vital_shared.monitoring.metrics import (
    CACHE_CAPACITY_ENTRIES,
    CACHE_ENTRIES,
    CACHE_OPERATIONS_TOTAL,
    COST_OVERALL_DOLLARS_TOTAL,
)

__all__ = [
    "ABOVE",
    "JUST_ABOVE",
    "JUST_BELOW",
    "Level",
    "count",
    "daily_cost",
    "evictions",
    "fullness",
    "level",
]

ABOVE: Final = 1.1
"""A value that fires, as a multiple of the threshold."""

JUST_ABOVE, JUST_BELOW = 1.02, 0.98
"""Values that fire, and that must not, as near as Prometheus 2 and 3 agree."""

MAX_LOOK_BACK: Final = 4.0
"""Minutes between evaluations at most where an alert looks at its own state: Prometheus looks back five."""

BURST_MINUTES: Final = 30.0
SMALL_FROM_MINUTES: Final = 20.0

CALM_MINUTES, DEAR_MINUTES = 60.0, 10.0
"""Minutes without spending, and minutes in which thrice the limit of a day is spent."""

LONG_OUTAGE_MINUTES: Final = 80.0

LESS_FULL: Final = 0.5
"""The fullness of the other tier, as a share of that of the tier which the alert is about."""

NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})
MEMORY: Final[Mapping[str, str]] = MappingProxyType({"tier": "memory"})

Level: TypeAlias = Callable[[Sequence[Phase]], dict[str, SeriesPhases]]
"""A maker of series that are at a level for some minutes, and then at another."""


def count(at: Threshold, shares: Mapping[str, float]) -> Iterator[Case]:
    """Test how much counters have grown in a window, together.

    :param shares: the share of the growth that each of them has.
    """
    return level(at, partial(_counted, at, shares))


def _counted(at: Threshold, shares: Mapping[str, float], phases: Sequence[Phase]) -> dict[str, SeriesPhases]:
    return {name: lines(*times(phases, share * 60 / at.window)) for name, share in shares.items()}


def fullness(at: Threshold) -> Iterator[Case]:
    """Test how full a tier of the cache is."""
    yield from level(at, _entries, MEMORY, is_summed_up=False)
    series, both_tiers = _entries([(SELDOM_MINUTES + 1, at.value)]), at.value * (1 + LESS_FULL)
    yield Case(
        "is recorded as always where scrapes are rare",
        series,
        checks=[(UNREAD_MINUTE, False)],
        values=[(UNREAD_MINUTE, CACHE_FULLNESS, both_tiers)],
        every=EVALUATION_MINUTES,
        sampled=SELDOM_MINUTES,
    )
    yield _latest_scrapes()
    there = Timing.of(at).there
    full = select(CACHE_ENTRIES, tier="memory"), select(CACHE_CAPACITY_ENTRIES, tier="memory")
    for name, entries, capacity, fires in (
        ("does not fire at the limit", at.value, 1, False),
        ("fires where a single entry fits", 1, 1, True),
        ("does not fire where there is no limit", 1000, 0, False),
    ):
        levels = dict(zip(full, (entries, capacity), strict=True))
        series = {on(name, "one:8000"): flat((there, level)) for name, level in levels.items()}
        yield Case(name, series, [(there, fires)], labels=MEMORY)
    yield _shrunk_room(at)


def _latest_scrapes() -> Case:
    """Let entries and room change from one scrape to the next, and be missing for longer than is tolerated.

    The numbers are such that Prometheus adds up exactly.
    """

    def scrapes(*phases: tuple[int, float | None]) -> SeriesPhases:
        """Write phases with their numbers of scrapes; promtool counts those after the first."""
        return flat(*(((count - 1) * SCRAPE_MINUTES, value) for count, value in phases))

    def series(entries: SeriesPhases, room: SeriesPhases, tier: str) -> dict[str, SeriesPhases]:
        names = (select(CACHE_ENTRIES, tier=tier), select(CACHE_CAPACITY_ENTRIES, tier=tier))
        return {on(name, "one:8000"): line for name, line in zip(names, (entries, room), strict=True)}

    always, ending = scrapes((26, 256)), scrapes((19, 256), (7, None))
    room, ending_room = scrapes((26, 1024)), scrapes((19, 1024), (7, None))
    entries = scrapes((7, 768), (2, 256), (17, 512))
    changing = scrapes((11, 1024), (2, 2048), (13, 1024))
    return Case(
        "is recorded as the latest scrapes have it",
        series(entries, changing, "memory")
        | series(ending, room, "semantic")
        | series(always, ending_room, "redis"),
        checks=[(SCRAPE_MINUTES, False)],
        values=[
            (scrape * SCRAPE_MINUTES, CACHE_FULLNESS, full)
            for scrape, full in ((7, 0.75), (9, 1.0), (11, 0.75), (13, 1.0), (22, 0.5))
        ],
        every=SCRAPE_MINUTES,
    )


def _shrunk_room(at: Threshold) -> Case:
    """Let a tier's room become less than its entries need."""
    hold, entries = Timing.of(at).hold, 1000.0
    small, large = entries / (at.value * JUST_ABOVE), 2 * entries / at.value
    room = flat((SMALL_FROM_MINUTES - 1, large), (hold + 20, small))
    series = {
        on(select(CACHE_ENTRIES, tier="memory"), "one:8000"): flat((SMALL_FROM_MINUTES + hold + 20, entries)),
        on(select(CACHE_CAPACITY_ENTRIES, tier="memory"), "one:8000"): room,
    }
    checks = [(SMALL_FROM_MINUTES, False), (SMALL_FROM_MINUTES + hold + 3, True)]
    return Case("fires when there is less room", series, checks, labels=MEMORY)


def evictions(at: Threshold) -> Iterator[Case]:
    """Test how many entries leave a tier of the cache each second."""
    yield from level(at, _evicted, MEMORY)
    yield _at_the_limit(at, _evicted, MEMORY)


def daily_cost(at: Threshold) -> Iterator[Case]:
    """Test what is spent in a day."""
    models = select(COST_OVERALL_DOLLARS_TOTAL, mode="2", cost_type="llm")
    tools = select(COST_OVERALL_DOLLARS_TOTAL, mode="1", cost_type="tools")
    dollars = partial(_counted, at, {models: 0.6, tools: 0.4})
    yield from level(at, dollars)
    yield _at_the_limit(at, dollars)
    timing = Timing.of(at)
    follows = timing.hold + 20
    if timing.window > 2 * (CALM_MINUTES + DEAR_MINUTES + follows):
        dear = 3 * at.value * timing.window / DEAR_MINUTES
        phases = [(CALM_MINUTES - 1, 0.0), (DEAR_MINUTES - 1, dear), (follows, 0.0)]
        checks = [(CALM_MINUTES + timing.hold, False), (CALM_MINUTES + timing.hold + 8, True)]
        yield Case("fires an hour after a dear moment", dollars(phases), checks, every=1)


def _at_the_limit(at: Threshold, write: Level, labels: Mapping[str, str] = NO_LABELS) -> Case:
    """Stay at the limit, with numbers of which neither Prometheus 2 nor 3 makes another by rounding."""
    timing = Timing.of(at)
    lasts = timing.there + 4 * timing.exact_step
    return Case(
        "does not fire at the limit itself",
        write([(lasts, at.value)]),
        [(lasts, False)],
        labels=labels,
        every=timing.exact_step,
        is_exact=True,
    )


def level(
    at: Threshold,
    write: Level,
    labels: Mapping[str, str] = NO_LABELS,
    *,
    is_summed_up: bool = True,
    is_of_engines: bool = True,
) -> Iterator[Case]:
    """Test a level.

    :param is_summed_up: it is of a window, and not what a gauge shows.
    :param is_of_engines: it keeps its state while no engine is up.
    """
    timing = Timing.of(at)
    window, hold, step, there, full = timing.window, timing.hold, timing.step, timing.there, timing.full
    spans = window if is_summed_up else 0
    bad = at.value * ABOVE

    def case(
        name: str, *phases: Phase, checks: Sequence[Check], every: float | None = None, restarts: bool = False
    ) -> Case:
        minutes = sum(minutes for minutes, _ in phases)
        up = flat((minutes, 1)) if restarts else engine_of(phases)
        series = write(phases) | {STILL_ENGINE: flat((minutes, 0))}
        return Case(name, series, checks, up, labels=labels, every=every)

    def outage(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
        return case(name, *phases, checks=checks, every=pace)

    pace = min(step, MAX_LOOK_BACK)
    if is_of_engines:
        yield from outages(timing, outage, bad, 0, onset=spans / ABOVE, step=pace)
    if is_of_engines and window >= LONG_WINDOW_MINUTES:
        yield from pending_through_failed_scrapes(hold, outage, bad * spans, 1 / ABOVE)
        yield from _dead_at_once(hold, pace, outage, bad * spans)
    if is_of_engines and timing.settled < window:
        slid = _sliding_out(timing, outage, bad)
        yield slid
        yield replace(unknown_engine(slid), name=f"{slid.name}, where no engine is known meanwhile")
    fires = full + spans / ABOVE + hold
    yield case(
        "fires in its time",
        (full, 0),
        (there, bad),
        checks=[(full, False), (fires - 1.5 * step, False), (fires + 4 * step, True)],
    )
    over = there + spans * (1 - 1 / 2)
    yield case(
        "is over again in its time",
        (there, at.value * 2),
        (full, 0),
        checks=[
            (there, True),
            *([(over - 1.5 * step, True)] if spans else []),
            (over + 2 * step, False),
        ],
    )
    above, below = at.value * JUST_ABOVE, at.value * JUST_BELOW
    held = [(hold - step, False)] if hold else []
    yield case("fires just above", (there, above), checks=[*held, (there, True)])
    yield case("does not fire just below", (there, below), checks=[(there, False)])
    if hold:
        yield case("does not fire on a short peak", (hold / 2, bad), (there, 0), checks=[(there, False)])
    if is_summed_up:
        yield case(
            "goes on firing when counters begin anew",
            (there, at.value * 6),
            (step, None),
            (there, at.value * 6),
            checks=[(there, True), (there + window, True), (2 * there, True)],
            restarts=True,
        )


def _dead_at_once(hold: float, pace: float, case: Callable[..., Case], bad: float) -> Iterator[Case]:
    """Let the engine die just after the alert fires, and just before: how it was does not count.

    :param bad: a rise that makes the condition hold with the second sample.
    """
    fires = hold + 2 * pace
    yield case(
        "goes on firing when the engine dies just after it began to fire",
        *((fires, bad), (4 * pace, None)),
        checks=[(fires + number * pace, True) for number in range(4)],
    )
    yield case(
        "does not fire when the engine dies just before its time",
        *((hold, bad), (4 * pace, None)),
        checks=[(hold + number * pace, False) for number in range(1, 5)],
    )


def _sliding_out(timing: Timing, case: Callable[..., Case], bad: float) -> Case:
    """Let a burst leave the window during an outage: the alert keeps its state until things have settled."""
    before = timing.window - BURST_MINUTES
    gone = before + LONG_OUTAGE_MINUTES + 3 * MAX_LOOK_BACK  # each phase has a sample more
    return case(
        "keeps its state after an outage in which the cause has left the window",
        (BURST_MINUTES, bad * timing.window / BURST_MINUTES),
        (before - BURST_MINUTES, 0),
        (LONG_OUTAGE_MINUTES, None),
        (timing.full, 0),
        checks=[
            *((before, True), (gone, True), (gone + timing.settled - MAX_LOOK_BACK, True)),
            (gone + timing.settled + 2 * MAX_LOOK_BACK, False),
        ],
    )


def _entries(phases: Sequence[Phase]) -> dict[str, SeriesPhases]:
    """One engine's cache is nearly full, another's and another tier are not."""

    def level(factor: float) -> SeriesPhases:
        return flat(*times(phases, factor))

    capacity = flat(*((minutes, None if share is None else 1000) for minutes, share in phases))
    one, two = INSTANCES
    full, other = (select(CACHE_ENTRIES, tier=tier) for tier in ("memory", "semantic"))
    large, wide = (select(CACHE_CAPACITY_ENTRIES, tier=tier) for tier in ("memory", "semantic"))
    return {
        on(full, one): level(1000),
        on(full, two): level(400),
        on(other, one): level(1000 * LESS_FULL),
        on(large, one): capacity,
        on(large, two): capacity,
        on(wide, one): capacity,
    }


def _evicted(phases: Sequence[Phase]) -> dict[str, SeriesPhases]:
    def series(operation: str, tier: str, mode: str) -> str:
        return select(CACHE_OPERATIONS_TOTAL, operation=operation, tier=tier, mode=mode)

    return {
        series("evict", "memory", "1"): lines(*times(phases, 36)),
        series("evict", "memory", "2"): lines(*times(phases, 24)),
        series("evict", "semantic", "1"): lines(*times(phases, 6)),
        **{series(each, "memory", "1"): lines(*times(phases, 300)) for each in ("hit", "write", "expire")},
    }
