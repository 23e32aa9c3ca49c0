"""The formats of dates in a workbook's cells that show a part of the date: a month, a year, a day.

A cell of "March 2024" holds the first of the month, which nobody wrote. Formats with day, month and year, and
those with a time, are left alone: the value is exact. See ISO/IEC 29500-1, 18.8.30 (numFmt).
"""

from __future__ import annotations

import datetime as dt
import re
from calendar import day_name, month_name
from typing import Final, NamedTuple

__all__ = ["DateFormat", "read_date_format"]

_TOKEN: Final = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_.|\*.|\[\$[^\]-]*-(?P<language>[0-9A-Fa-f]+)[^\]]*\]|\[[^\]]*\]'
    r"|(?P<part>[yY]+|[mM]+|[dD]+)|(?P<section>;)|(?P<rest>.)",
    re.DOTALL,
)
_BETWEEN: Final = frozenset(" -/.,@")
_ENGLISH: Final = 9
"""The lowest ten bits of the number of a language, for English of all countries."""

_EPOCH_YEAR: Final = 1900


class DateFormat(NamedTuple):
    """The way in which a format shows a part of a date."""

    pieces: tuple[tuple[str, str], ...]
    """The parts (``y``, ``m``, ``d`` in their lengths) and the texts between them, each with its kind."""
    is_english: bool

    def shown(self, value: dt.date) -> str:
        """Return a date as the cell shows it; a year in full, and names of months and days, too."""
        letters = {text[0] for kind, text in self.pieces if kind == "part"}
        if not self.is_english and letters == {"y", "m"}:
            return f"{value:%Y-%m}"
        return "".join(_part(text, value) if kind == "part" else text for kind, text in self.pieces).strip()


def read_date_format(code: str) -> DateFormat | None:
    """Read a format; None: it shows the whole date, a time, or no date."""
    pieces: list[tuple[str, str]] = []
    is_english = True
    for token in _TOKEN.finditer(code):
        kind = token.lastgroup
        if kind == "section":
            break
        if kind == "language":
            is_english = int(token["language"], 16) & 0x3FF in {0, _ENGLISH}
        elif kind == "part":
            pieces.append(("part", token["part"].lower()))
        elif kind == "rest" and token["rest"] not in _BETWEEN:
            return None  # a time, a number, a quarter
        elif kind is not None:
            pieces.append(("text", token[kind]))
    parts = [text for kind, text in pieces if kind == "part"]
    letters = {text[0] for text in parts}
    if not parts or len(parts) != len(letters) or letters == {"y", "m", "d"}:
        return None
    return DateFormat(tuple(pieces), is_english)


def _part(text: str, value: dt.date) -> str:
    """Return a part of a date; days before 1900 are the 0 of a number that is shown as a day."""
    if text[0] == "y":
        return str(value.year)
    if text[0] == "m":
        return month_name[value.month] if len(text) > 2 else f"{value.month:02}"
    if len(text) > 2:
        return day_name[value.weekday()]
    return str(value.day if value.year >= _EPOCH_YEAR else 0)
