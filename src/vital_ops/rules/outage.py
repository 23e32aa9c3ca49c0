"""Alerts while no engine is up: they neither end nor begin.

An engine that dies takes its series along. A ratio over nothing is nothing, so that Prometheus would end what
fired and Alertmanager would send a false RESOLVED; a rate goes on for its window, so that what was pending
would page for an engine that is gone. `EngineDown` says what has happened. Afterwards an alert keeps its
state until its window is full again, and is then judged by what the engine does.

One failed scrape is no outage: what is pending goes on, or each of them would begin its time anew. Therefore
an alert whose time ends within this gap of the engine's death still pages.

Inhibition would not do: Alertmanager sends no RESOLVED for what ends while it is inhibited.
"""

from __future__ import annotations

from typing import Final, Literal

from vital_ops.durations import write_seconds
from vital_ops.expressions.expression import QueryExpression
from vital_ops.promql import (
    constant,
    foreign,
    in_brackets,
    or_else,
    over_time,
    sum_by,
)
from vital_ops.thresholds import Thresholds

__all__ = [
    "ENGINES_UP",
    "ENGINES_UP_NOW",
    "MAX_SETTLING_SECONDS",
    "engines_up",
    "last_value",
    "lately",
    "through_outages",
    "tolerated_gap",
    "was_down",
]

ENGINES_UP: Final = "vital:engines_up:count"
"""The recorded number of engines that answer Prometheus, or did so before a failed scrape."""

ENGINES_UP_NOW: Final = in_brackets(or_else(sum_by(foreign("up")), constant(0)))
"""The number that answer at this moment; 0 also where no engine is known at all."""

MAX_SETTLING_SECONDS: Final = 900.0
"""The longest time that an alert keeps its state after an outage: a window of a day is not waited for."""

LAST_VALUE_WINDOW: Final = "1d"
"""The time that the last value of an alert is looked for."""

TOLERATED_SHARE: Final = 0.4
"""The part of `EngineDown`'s time that is no outage yet: of a minute 24 seconds, two scrapes and more."""

MIN_GAP_SECONDS, MAX_GAP_SECONDS = 1.0, 60.0
"""Bounds of the time without a scrape that is no outage yet. The lower one is two scrapes of a drill."""


def tolerated_gap(thresholds: Thresholds) -> str:
    """Write the longest time without a scrape that is no outage yet."""
    gap = TOLERATED_SHARE * thresholds["EngineDown"].hold
    return write_seconds(min(max(gap, MIN_GAP_SECONDS), MAX_GAP_SECONDS))


def lately(how: Literal["last", "max"], series: QueryExpression, gap: str) -> QueryExpression:
    """Write the value that a gauge has, or had before a failed scrape.

    Where scrapes are so rare that the gap has none, it is what Prometheus takes for the present value.
    """
    return in_brackets(or_else(over_time(how, series, gap), series))


def engines_up(gap: str) -> QueryExpression:
    """Write what is recorded as `ENGINES_UP`."""
    return in_brackets(or_else(sum_by(lately("max", foreign("up"), gap)), constant(0)))


def through_outages(
    condition: str,
    value: str,
    alert: dict[str, str],
    labels: tuple[str, ...],
    window: str,
    *,
    is_lack: bool = False,
) -> str:
    """Keep an alert as it is while no engine is up, and until its window is full again.

    :param condition: the query that fires.
    :param value: the value that is shown meanwhile, see `last_value`.
    :param alert: the labels that distinguish it from other alerts.
    :param labels: those that its series have.
    :param window: the span over which it is judged.
    :param is_lack: an outage looks like the condition, so that it is not judged until its window is full.
    """
    firing = ",".join(f'{name}="{text}"' for name, text in (alert | {"alertstate": "firing"}).items())
    kept = f"{value} and on ({', '.join(labels)}) ALERTS{{{firing}}} and on () ({was_down(window)})"
    unjudged = was_down(window) if is_lack else f"{ENGINES_UP} == 0"
    return f"(({condition}) unless on () ({unjudged})) or ({kept})"


def was_down(window: str) -> str:
    """Write the condition that there is an outage, or was one in a window."""
    return f"min_over_time({ENGINES_UP}[{window}]) == 0"


def last_value(series: str) -> str:
    """Write the last value that a recorded series had."""
    return f"last_over_time({series}[{LAST_VALUE_WINDOW}])"
