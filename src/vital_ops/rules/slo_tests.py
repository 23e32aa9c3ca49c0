"""Tests of the objectives' alerts and of the watchdog, for ``promtool test rules``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from vital_ops.config import OpsConfig
from vital_ops.durations import parse_seconds
from vital_ops.promql import select
from vital_ops.rules.case import ENGINE, Case, Check, Phase, SeriesPhases, flat, lines, write_cases
from vital_ops.rules.groups import RECORDING, RECORDING_GROUP, SLO, SLO_GROUPS
from vital_ops.rules.judged_tests import Fault, case_of
from vital_ops.rules.outage_tests import STILL_ENGINE, failed_scrapes
from vital_ops.rules.shapes import Rates, errors
from vital_ops.rules.slo_limit_tests import BurnLimits
from vital_ops.rules.slos import (
    BAD_RATIO,
    MIN_EVENTS,
    OBJECTIVES,
    SPEEDS,
    WATCHDOG,
    Burn,
    Objective,
    Speed,
    slo_alerts,
    watchdog,
)
from vital_shared.monitoring.metrics import QUALITY_SCORE, TIME_TO_FIRST_TOKEN_SECONDS

__all__ = ["slo_cases", "slo_tests"]

BUSY: Final = 60.0
"""Events a minute."""

BURST: Final = 100 * BUSY
"""Events a minute in a burst, enough to fill a longer window with good ones."""

BURST_MINUTES: Final = 6.0

ABOVE: Final = 1.1
"""A share of bad events that fires, as a multiple of the limit."""

MAX_LOOK_BACK: Final = 4.0
"""Minutes between evaluations at most where an alert looks at its own state: Prometheus looks back five."""

STEPS: Final = {"BurnsFast": 1.0, "BurnsSlowly": 30.0}
"""Minutes between samples."""


def slo_cases() -> dict[str, list[Case]]:
    """Make the cases of all objectives' alerts and of the watchdog, by the alerts' names."""
    cases = {
        f"{objective.name}{speed.suffix}": [*_cases(objective, speed)]
        for objective in OBJECTIVES
        for speed in SPEEDS
    }
    return cases | {WATCHDOG: [Case("fires always", {"up": lines((10, 1))}, [(1, True), (9, True)])]}


def slo_tests(comment: str, config: OpsConfig) -> dict[str, str]:
    """Write them, by the names of their files."""
    rules = {rule.name: rule for rule in (*slo_alerts(config, lambda *_: ""), watchdog(config, ""))}
    found: dict[str, str] = {}
    for name, cases in slo_cases().items():
        found |= write_cases(
            name,
            cases,
            comment,
            selector=config.selector,
            rules=(RECORDING, SLO),
            groups=(RECORDING_GROUP, *SLO_GROUPS),
            labels=rules[name].labels,
            step=next((step for suffix, step in STEPS.items() if name.endswith(suffix)), 1.0),
        )
    return found


def _first_tokens(events: float, bad: float) -> Rates:
    rates: Rates = {}
    for mode, model, share in (("1", "gpt", 0.75), ("2", "claude", 0.25)):
        known = {"mode": mode, "model": model}
        for le, part in (("1.0", (1 - bad) * 0.8), ("2.0", 1 - bad), ("5.0", 1 - bad * 0.2), ("+Inf", 1)):
            rates[select(TIME_TO_FIRST_TOKEN_SECONDS, "bucket", **known, le=le)] = events * share * part
        rates[select(TIME_TO_FIRST_TOKEN_SECONDS, "count", **known)] = events * share
    return rates


def _scores(events: float, bad: float) -> Rates:
    rates: Rates = {}
    for mode, share in (("1", 0.75), ("2", 0.25)):
        known = {"mode": mode, "answerable": "true"}
        for le, part in (("0.5", bad * 0.2), ("0.7", bad), ("0.8", min(bad * 2, 1))):
            rates[select(QUALITY_SCORE, "bucket", **known, le=le)] = events * share * part
        rates[select(QUALITY_SCORE, "count", **known)] = events * share
    unanswerable = {"mode": "2", "answerable": "false"}
    return rates | {
        select(QUALITY_SCORE, "bucket", **unanswerable, le="0.7"): events * 5 * (1 - bad),
        select(QUALITY_SCORE, "count", **unanswerable): events * 5,
    }


SHAPES: Final[Mapping[str, Callable[[float, float], Rates]]] = {
    "availability": errors,
    "first_token": _first_tokens,
    "quality": _scores,
}


class Windows(NamedTuple):
    """The windows of one pair, in minutes, and what follows from them."""

    long: float
    short: float
    limit: float
    """The share of bad events that both exceed."""
    is_shadowed: bool
    """Whether another pair has a lower limit, whose window has to be full of good events."""

    @property
    def every(self) -> float:
        """Minutes between evaluations."""
        return max(1.0, self.long // 72)


def _cases(objective: Objective, speed: Speed) -> Iterator[Case]:
    budget, step = 1 - objective.good, STEPS[speed.suffix]
    lowest = min(burn.times for burn in speed.burns)
    for burn in speed.burns:
        pair = _windows(burn, budget, lowest)
        yield from _of_pair(objective, speed, pair, step)
        yield from _limits(objective, speed, pair, burn, step).cases()
    yield from _outages(objective, speed)


def _windows(burn: Burn, budget: float, lowest: float) -> Windows:
    long, short = (parse_seconds(window) / 60 for window in (burn.long, burn.short))
    return Windows(long, short, burn.times * budget, burn.times > lowest)


def _of_pair(objective: Objective, speed: Speed, pair: Windows, step: float) -> Iterator[Case]:
    """Let both windows of a pair burn a little too fast, and a little too slowly, and then end."""
    case, hold = _make_case(objective, pair, step), speed.hold / 60
    lead: list[Fault] = [(BURST_MINUTES, BURST, 0.0)] if pair.is_shadowed else []
    began = sum(minutes for minutes, *_ in lead)
    full = pair.long + hold + 4 * pair.every
    yield from _near_the_limit(pair, hold, lead, case)
    for name, part, fires in (("too little", 0.97, False), ("just enough", 1.04, True)):
        few = part * MIN_EVENTS / pair.long
        checks = [(began + full - pair.every, fires)]
        does = "fires" if fires else "does not fire"
        yield case(f"{does} on {name} traffic", *lead, (full, few, min(1.0, 3 * pair.limit)), checks=checks)
    yield _in_time(objective, pair, hold, lead, case)
    peak, beyond = began + pair.long + pair.short, min(2.2 * pair.limit, 1.0)
    short_peak = case(
        "does not fire on a short peak",
        *(*lead, (pair.long, BUSY, 0), (pair.short, BUSY, beyond), (pair.long, BUSY, 0)),
        checks=[(peak + minutes, False) for minutes in (0, pair.every, hold)],
    )
    yield _beside_another(objective, short_peak)


def _limits(objective: Objective, speed: Speed, pair: Windows, burn: Burn, step: float) -> BurnLimits:
    return BurnLimits(
        case=_make_case(objective, pair, step),
        long=pair.long,
        short=pair.short,
        limit=pair.limit,
        hold=speed.hold / 60,
        every=pair.every,
        least_events=MIN_EVENTS,
        good_minutes=BURST_MINUTES if pair.is_shadowed else 0,
        # 600 good events for 24 bad ones: under 6 %, where availability's longer pair of windows fires
        good_factor=3 * BURST / BUSY,
        recorded=tuple(
            f'{BAD_RATIO}{{slo="{objective.label}",window="{window}"}}' for window in (burn.long, burn.short)
        ),
    )


def _make_case(objective: Objective, pair: Windows, step: float) -> Callable[..., Case]:
    shape, labels = SHAPES[objective.label], {"slo": objective.label}

    def case(name: str, *phases: Fault, checks: Sequence[Check]) -> Case:
        exact = [(minutes - step, events, value) for minutes, events, value in phases]
        made = case_of(shape, f"{name} over {pair.long:g} minutes", *exact, checks=checks, labels=labels)
        return replace(made, every=pair.every)

    return case


def _near_the_limit(
    pair: Windows, hold: float, lead: Sequence[Fault], case: Callable[..., Case]
) -> Iterator[Case]:
    """Let one window be just within the limit while the other is far beyond it, or both be just beyond it.

    Traffic is six times as much at last, so that both sides of the share need the same window.
    """
    began, every, tail = sum(minutes for minutes, *_ in lead), pair.every, pair.short / 2
    full = pair.long + hold + 4 * every
    above, below, beyond = 1.02 * pair.limit, 0.98 * pair.limit, min(2 * pair.limit, 1.0)
    yield case(
        "fires just above",
        *(*lead, (full, BUSY, above), (tail + every, 6 * BUSY, above)),
        checks=[(began + full + tail, True)],
    )
    lately = pair.short + hold + 2 * every
    yield case(
        "does not fire when the short window is just within",
        *(*lead, (full, BUSY, beyond), (lately, BUSY, below), (tail + every, 6 * BUSY, below)),
        checks=[(began + full, True), (began + full + lately, False), (began + full + lately + tail, False)],
    )
    part, much = 2 * pair.short, min(1.4 * pair.limit, 1.0)
    little = (below * pair.long - much * part) / (pair.long - part)
    yield case(
        "does not fire when the long window is just within",
        *(*lead, (full, BUSY, little), (part, BUSY, much), (every, BUSY, 0)),
        checks=[(began + full + part, False)],
    )
    yield replace(
        case(
            "goes on firing when counters begin anew",
            *(*lead, (full, BUSY, beyond), (3 * every, BUSY, None), (full, BUSY, beyond)),
            checks=[(began + full + 3 * every + pair.long / 2, True), (began + 2 * full - every, True)],
        ),
        engine=flat((began + 2 * full + 3 * every, 1)),
    )


def _in_time(
    objective: Objective, pair: Windows, hold: float, lead: Sequence[Fault], case: Callable[..., Case]
) -> Case:
    """Let it burn for a while after it fires, and end."""
    bad = min(pair.limit * (2.5 if pair.is_shadowed else 1.9), 1.0)
    good, lasts, every = pair.long, 1.35 * pair.long * pair.limit / bad, pair.every
    began = sum(minutes for minutes, *_ in lead) + good
    fires = began + pair.long * pair.limit / bad + hold
    over = began + lasts + pair.short * (1 - pair.limit / bad)
    made = case(
        "fires in its time, and is over when the short window is",
        *(*lead, (good, BUSY, 0), (lasts, BUSY, bad), (pair.long / 2, BUSY, 0)),
        checks=[
            (fires - max(2 * every, pair.long / 20), False),
            (fires + max(3 * every, pair.long / 20), True),
            (over - max(1.1 * every, pair.short / 6), True),
            (over + max(1.5 * every, pair.short / 6), False),
        ],
    )
    return _beside_another(objective, made)


def _beside_another(objective: Objective, case: Case) -> Case:
    """Let another objective burn all the time."""
    other = next(each for each in OBJECTIVES if each.metric is not objective.metric)
    longest = max(line.minutes for line in case.series.values())
    rates = SHAPES[other.label](BUSY, 1.0)
    return replace(
        case, series={**case.series, **{name: lines((longest, rise)) for name, rise in rates.items()}}
    )


def _outages(objective: Objective, speed: Speed) -> Iterator[Case]:
    """Let the engine die: what fires goes on until it is back, and what is pending does not page."""
    shape, labels, hold = SHAPES[objective.label], {"slo": objective.label}, speed.hold / 60
    step = min(STEPS[speed.suffix], MAX_LOOK_BACK)
    settled = parse_seconds(speed.burns[0].short) / 60
    there = hold + 4 * step
    longest = max(settled, *(parse_seconds(burn.short) / 60 for burn in speed.burns)) * 1.5

    def case(name: str, *phases: tuple[float, float | None], checks: Sequence[Check]) -> Case:
        exact = [(minutes - step, BUSY, value) for minutes, value in phases]
        return replace(case_of(shape, name, *exact, checks=checks, labels=labels), every=step)

    gone = there + longest
    fine = (settled + 10 * step, 0.0)
    during = [(there - step, True), (there + longest / 2, True), (gone - step, True)]
    after = [
        (gone + settled - 2 * step, True),
        *((gone + settled + number * step, False) for number in (1, 3)),
    ]
    ending = case(
        "goes on firing while no engine is up, and is over when the fault is",
        *((there, 1.0), (longest, None), fine),
        checks=[*during, *after],
    )
    yield ending
    well = case(
        "is over when the fault is, where all engines are up",
        *((there, 1.0), (longest, 0.0)),
        checks=[(there - step, True), (there + longest - step, False)],
    )
    up = {name: line for name, line in well.series.items() if name != STILL_ENGINE}
    yield replace(well, series=up)
    yield replace(well, series=up, name=f"{well.name} and there are no others", is_alone=True)
    unknown = SeriesPhases(
        tuple((minutes, up or None) for minutes, up in (ending.engine or flat()).phases), rises=False
    )
    still = SeriesPhases(
        tuple((minutes, None if up is None else 0) for minutes, up in unknown.phases), rises=False
    )
    yield replace(
        ending,
        name="goes on firing when no engine is known",
        engine=unknown,
        series={**ending.series, STILL_ENGINE: still},
    )
    lasting = case(
        "goes on firing when the engine is back and the fault is still there",
        *((there, 1.0), (longest, None), (settled + there, 1.0)),
        checks=[*during, (gone + settled / 2, True), (gone + settled + there - step, True)],
    )
    yield lasting
    yield replace(
        lasting,
        name="goes on firing when what is recorded is older than the outage",
        checks=[*((there + number * step, True) for number in range(6)), *lasting.checks],
        is_recorded_late=True,
    )
    yield case(
        "does not fire when the engine dies before its time",
        *((hold / 2 + step, 1.0), (there + 3 * hold, None)),
        checks=[(hold + 2 * step, False), (3 * hold, False)],
    )
    down = case("does not fire while no engine is up", (there, 1.0), checks=[(there - step, False)])
    yield replace(
        down, engine=flat((there, 0)), series={**down.series, ENGINE.replace("one", "two"): flat((there, 0))}
    )
    yield from _failed_scrapes(objective, speed, settled)


def _failed_scrapes(objective: Objective, speed: Speed, settled: float) -> Iterator[Case]:
    """Let some scrapes fail, while little more is bad than makes the alert fire."""
    lowest = min(burn.times for burn in speed.burns) * (1 - objective.good)
    shape, labels = SHAPES[objective.label], {"slo": objective.label}

    def case(name: str, *phases: Phase, checks: Sequence[Check]) -> Case:
        faults = [(minutes, BUSY, value) for minutes, value in phases]
        return case_of(shape, name, *faults, checks=checks, labels=labels)

    yield from failed_scrapes(speed.hold / 60, settled, case, ABOVE * lowest, 0)
