"""Alerts while no engine is up: they neither end nor begin.

An engine that dies takes its series along. A ratio over nothing is nothing, so that Prometheus would end what
fired and Alertmanager would send a false RESOLVED; a rate goes on for its window, so that what was pending
would page for an engine that is gone. `EngineDown` says what has happened. Afterwards an alert keeps its
state until its window is full again, and is then judged by what the engine does.

Inhibition would not do: Alertmanager sends no RESOLVED for what ends while it is inhibited.
"""

from __future__ import annotations

from typing import Final

from vital_ops.promql import (
    SCOPE,
    constant,
    foreign,
    in_brackets,
    or_else,
    sum_by,
)

__all__ = [
    "DOWN",
    "ENGINES_UP",
    "ENGINES_UP_NOW",
    "MAX_SETTLING_SECONDS",
    "down_lately",
    "last_value",
    "through_outages",
]

ENGINES_UP: Final = "vital:engines_up:count"
"""The recorded number of engines that answer Prometheus."""

ENGINES_UP_NOW: Final = in_brackets(or_else(sum_by(foreign("up")), constant(0)))
"""The same as it is recorded; 0 also where no engine is known at all."""

DOWN: Final = f"absent(up{{{SCOPE}}} == 1)"
"""The condition that no engine is up."""

MAX_SETTLING_SECONDS: Final = 900.0
"""The longest time that an alert keeps its state after an outage: a window of a day is not waited for."""

LAST_VALUE_WINDOW: Final = "1d"
"""The time that the last value of an alert is looked for."""


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
    kept = f"{value} and on ({', '.join(labels)}) ALERTS{{{firing}}} and on () ({down_lately(window)})"
    unjudged = f"({down_lately(window)})" if is_lack else DOWN
    return f"(({condition}) unless on () {unjudged}) or ({kept})"


def down_lately(window: str) -> str:
    """Write the condition that no engine is up, or was at some moment of a window."""
    return f"{DOWN} or (min_over_time({ENGINES_UP}[{window}]) == 0)"


def last_value(series: str) -> str:
    """Write the last value that a recorded series had."""
    return f"last_over_time({series}[{LAST_VALUE_WINDOW}])"
