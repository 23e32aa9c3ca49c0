"""Durations as they are typed: a number and its unit, such as 90d."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import typer

__all__ = ["parse_duration"]

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

_duration: Final = re.compile(r"([0-9]{1,5})([smhd])", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """Read a duration.

    :raises typer.BadParameter: when it is none.
    """
    found = _duration.fullmatch(text)
    if found is None:
        raise typer.BadParameter(
            "give a whole number, up to 99999, and its unit, s, m, h or d, such as 24h or 90d"
        )
    return timedelta(**{UNITS[found[2]]: int(found[1])})
