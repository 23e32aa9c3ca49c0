"""Spans of time as Prometheus writes them."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["parse_seconds", "spell_seconds", "write_seconds"]

UNITS: Final = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

WORDS: Final = {
    "w": "week",
    "d": "day",
    "h": "hour",
    "m": "minute",
    "s": "second",
    "ms": "millisecond",
}

_SPAN: Final = re.compile(r"(\d+)(ms|[wdhms])")


def write_seconds(seconds: float) -> str:
    """Write a span in the largest unit that divides it: ``300`` is ``5m``."""
    number, unit = _in_units(seconds)
    return f"{number}{unit}"


def spell_seconds(seconds: float) -> str:
    """Write a span in words: ``300`` is ``5 minutes``."""
    number, unit = _in_units(seconds)
    return f"{number} {WORDS[unit]}{'' if number == 1 else 's'}"


def _in_units(seconds: float) -> tuple[int, str]:
    """Return a span as a number of the largest unit that divides it."""
    thousandths = round(seconds * 1000)
    if thousandths == 0:
        return 0, "s"
    for unit, length in UNITS.items():
        if thousandths % round(length * 1000) == 0:
            return thousandths // round(length * 1000), unit
    raise AssertionError("every number of milliseconds is written in milliseconds")


def parse_seconds(text: str) -> float:
    """Read a span.

    :raises ValueError: when it is none, or nothing.
    """
    if not (match := _SPAN.fullmatch(text)) or match[1] == "0":
        raise ValueError(f'"{text}" is no span of time: write a number and a unit, such as 5m, 1h or 24h')
    return int(match[1]) * UNITS[match[2]]
