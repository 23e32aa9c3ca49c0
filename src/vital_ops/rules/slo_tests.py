"""Tests of the objectives' alerts and of the watchdog, for ``promtool test rules``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from vital_ops.promql import select
from vital_ops.rules.case import Case, Line, lines, write_cases
from vital_ops.rules.groups import SLO, SLO_GROUPS
from vital_ops.rules.slos import LEAST_EVENTS, OBJECTIVES, SPEEDS, WATCHDOG, Objective, Speed
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

HOURS: Final = {"BurnsFast": 2.0, "BurnsSlowly": 80.0}
"""For so long bad events are made."""


def slo_tests(comment: str, selector: str) -> dict[str, str]:
    """Write them, by the names of their files."""
    found: dict[str, str] = {}
    for objective in OBJECTIVES:
        for speed in SPEEDS:
            found |= write_cases(
                f"{objective.name}{speed.suffix}",
                _cases(objective, speed),
                comment,
                selector=selector,
                rules=(SLO,),
                groups=SLO_GROUPS,
                step=STEPS[speed.suffix],
            )
    always = [Case("fires always", {"up": lines((10, 1))}, [(1, True), (9, True)])]
    return found | write_cases(WATCHDOG, always, comment, selector=selector, rules=(SLO,), groups=SLO_GROUPS)


def _requests(events: float, bad: float) -> Mapping[str, float]:
    known = {"mode": "2", "tenant_id": "acme"}
    return {
        select(WORKFLOW_REQUESTS_TOTAL, **known, outcome="failed"): events * bad,
        select(WORKFLOW_REQUESTS_TOTAL, **known, outcome="success"): events * (1 - bad),
    }


def _first_tokens(events: float, bad: float) -> Mapping[str, float]:
    known = {"mode": "2", "model": "gpt"}
    return {
        select(TIME_TO_FIRST_TOKEN_SECONDS, "bucket", **known, le="2.0"): events * (1 - bad),
        select(TIME_TO_FIRST_TOKEN_SECONDS, "count", **known): events,
    }


def _scores(events: float, bad: float) -> Mapping[str, float]:
    known = {"mode": "2", "answerable": "true"}
    return {
        select(QUALITY_SCORE, "bucket", **known, le="0.7"): events * bad,
        select(QUALITY_SCORE, "count", **known): events,
    }


SHAPES: Final[Mapping[str, Callable[[float, float], Mapping[str, float]]]] = {
    "availability": _requests,
    "first_token": _first_tokens,
    "quality": _scores,
}


def _cases(objective: Objective, speed: Speed) -> Iterator[Case]:
    shape, budget = SHAPES[objective.label], 1 - objective.good
    minutes = HOURS[speed.suffix] * 60
    slowest = min(burn.times for burn in speed.burns)
    bad = min(max(burn.times for burn in speed.burns) * budget * 1.2, 1.0)
    long = 60 * (6 if speed.suffix == "BurnsFast" else 72)

    def series(events: float, *phases: tuple[float, float]) -> dict[str, Line]:
        return {
            name: lines(*((length, shape(events, share)[name]) for length, share in phases))
            for name in shape(events, bad)
        }

    below = slowest * budget * 0.9
    few = LEAST_EVENTS / 2 / long
    yield Case("fires", series(BUSY, (minutes, bad)), [(minutes, True)])
    yield Case("does not fire just below", series(BUSY, (minutes, below)), [(minutes, False)])
    yield Case("does not fire on too little traffic", series(few, (minutes, bad)), [(minutes, False)])
    over = 40 if speed.suffix == "BurnsFast" else 480
    yield Case(
        "is over again",
        series(BUSY, (minutes, bad), (over, 0.0)),
        [(minutes, True), (minutes + over, False)],
    )
