"""Tests of the objectives' alerts and of the watchdog, for ``promtool test rules``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from vital_ops.config import OpsConfig
from vital_ops.durations import parse_seconds
from vital_ops.promql import select
from vital_ops.rules.case import Case, Check, Phase, engine_of, lines, write_cases
from vital_ops.rules.groups import SLO, SLO_GROUPS
from vital_ops.rules.slos import (
    LEAST_EVENTS,
    OBJECTIVES,
    SPEEDS,
    WATCHDOG,
    Objective,
    Speed,
    slo_alerts,
    watchdog,
)
from vital_shared.monitoring.metrics import (
    QUALITY_SCORE,
    TIME_TO_FIRST_TOKEN_SECONDS,
    WORKFLOW_REQUESTS_TOTAL,
)

__all__ = ["slo_tests"]

BUSY: Final = 60.0
"""Events a minute."""

STEPS: Final = {"BurnsFast": 2.0, "BurnsSlowly": 30.0}
"""Minutes between samples."""


def slo_tests(comment: str, config: OpsConfig) -> dict[str, str]:
    """Write them, by the names of their files."""
    labels = {rule.name: rule.labels for rule in (*slo_alerts(config, lambda *_: ""), watchdog(config, ""))}
    found: dict[str, str] = {}
    for objective in OBJECTIVES:
        for speed in SPEEDS:
            found |= write_cases(
                f"{objective.name}{speed.suffix}",
                _cases(objective, speed),
                comment,
                selector=config.selector,
                rules=(SLO,),
                groups=SLO_GROUPS,
                labels=labels[f"{objective.name}{speed.suffix}"],
                step=STEPS[speed.suffix],
            )
    always = [Case("fires always", {"up": lines((10, 1))}, [(1, True), (9, True)])]
    return found | write_cases(
        WATCHDOG,
        always,
        comment,
        selector=config.selector,
        rules=(SLO,),
        groups=SLO_GROUPS,
        labels=labels[WATCHDOG],
    )


def _requests(events: float, bad: float) -> Mapping[str, float]:
    def series(outcome: str) -> str:
        return select(WORKFLOW_REQUESTS_TOTAL, mode="2", tenant_id="acme", outcome=outcome)

    return {
        series("failed"): events * bad,
        series("success"): events * (1 - bad) * 0.6,
        series("degraded"): events * (1 - bad) * 0.4,
        series("cancelled"): events * 5,
        series("rejected"): events * 5,
    }


def _first_tokens(events: float, bad: float) -> Mapping[str, float]:
    known = {"mode": "2", "model": "gpt"}
    return {
        select(TIME_TO_FIRST_TOKEN_SECONDS, "bucket", **known, le="2.0"): events * (1 - bad),
        select(TIME_TO_FIRST_TOKEN_SECONDS, "bucket", **known, le="1.0"): events * (1 - bad) * 0.8,
        select(TIME_TO_FIRST_TOKEN_SECONDS, "bucket", **known, le="5.0"): events * (1 - bad * 0.2),
        select(TIME_TO_FIRST_TOKEN_SECONDS, "count", **known): events,
    }


def _scores(events: float, bad: float) -> Mapping[str, float]:
    known, unanswerable = ({"mode": "2", "answerable": value} for value in ("true", "false"))
    return {
        select(QUALITY_SCORE, "bucket", **known, le="0.5"): events * bad * 0.2,
        select(QUALITY_SCORE, "bucket", **known, le="0.7"): events * bad,
        select(QUALITY_SCORE, "bucket", **known, le="0.8"): events * min(bad * 2, 1),
        select(QUALITY_SCORE, "count", **known): events,
        select(QUALITY_SCORE, "bucket", **unanswerable, le="0.7"): events * 5 * (1 - bad),
        select(QUALITY_SCORE, "count", **unanswerable): events * 5,
    }


SHAPES: Final[Mapping[str, Callable[[float, float], Mapping[str, float]]]] = {
    "availability": _requests,
    "first_token": _first_tokens,
    "quality": _scores,
}


def _cases(objective: Objective, speed: Speed) -> Iterator[Case]:
    """Let each pair of windows burn a little too fast, and a little too slowly, and then end."""
    shape, budget, step = SHAPES[objective.label], 1 - objective.good, STEPS[speed.suffix]
    hold, worst = speed.hold / 60, max(burn.times for burn in speed.burns) * budget
    labels = {"slo": objective.label}
    longest = max(parse_seconds(burn.long) for burn in speed.burns) / 60

    def case(
        name: str, events: float, *phases: Phase, checks: Sequence[Check], every: float = 3 * step
    ) -> Case:
        names = shape(events, 0)
        series = {
            each: lines(*((length, shape(events, share or 0)[each]) for length, share in phases))
            for each in names
        }
        return Case(name, series, checks, engine_of(phases), labels=labels, every=every)

    for burn in speed.burns:
        long, short = (parse_seconds(window) / 60 for window in (burn.long, burn.short))
        bad = min(burn.times * budget * 1.04, 1.0)
        there = long + hold + 3 * step
        began = longest + 2 * step
        share = 1 / 1.04
        in_time = began + long * share + hold
        yield case(
            f"fires in its time over {burn.long}",
            BUSY,
            (began, 0),
            (there, bad),
            (long, 0),
            checks=[
                (in_time - max(3 * step, long * 0.06), False),
                (in_time + max(3 * step, long * 0.06), True),
                (began + there + short + 2 * step, False),
            ],
            every=step * max(1, round(long / 60 / step)),
        )
    slowest = min(burn.times for burn in speed.burns)
    yield case(
        "does not fire just below",
        BUSY,
        (longest + hold + 3 * step, slowest * budget * 0.98),
        checks=[(longest + hold + 2 * step, False)],
    )
    first = speed.burns[0]
    long = parse_seconds(first.long) / 60
    for name, part, fires in (("too little traffic", 0.98, False), ("just enough traffic", 1.03, True)):
        few = LEAST_EVENTS * part / longest
        yield case(
            f"{'fires' if fires else 'does not fire'} on {name}",
            few,
            (longest + hold + 3 * step, min(2 * worst, 1.0)),
            checks=[(longest + hold + 2 * step, fires)],
        )
    peak = parse_seconds(first.short) / 60
    yield case(
        "does not fire on a short peak",
        BUSY,
        (long, 0),
        (peak, first.times * budget),
        (long, 0),
        checks=[(long + peak, False), (long + peak + hold, False)],
    )
