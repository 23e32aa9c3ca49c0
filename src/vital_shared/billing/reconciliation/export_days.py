"""The days of an export: in UTC, from days, moments and seconds since 1970."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from vital_shared.errors import InvalidRequest

__all__ = ["DayNotation", "last_day"]

MIN_YEAR: Final = 2000
MAX_YEAR: Final = 2100

_PARTS: Final = re.compile(r"(\d{1,2})([/.])(\d{1,2})\2(\d{4})(.*)", re.ASCII | re.DOTALL)
"""A day that begins with the month or the day, and the rest."""

_UNIX_TIME: Final = re.compile(r"\d{9,11}", re.ASCII)

_OFFSET: Final = re.compile(r"\s+([+-]\d{2}:?\d{2})(?: UTC| GMT)?$", re.ASCII)


class DayNotation:
    """The notation of all days of an export.

    :param begins_with_month: whether 05/11/2026 is in May.
    """

    def __init__(self, *, begins_with_month: bool = True) -> None:
        self._begins_with_month = begins_with_month

    @classmethod
    def of_texts(cls, texts: Iterable[str]) -> DayNotation:
        """Return the notation that days share.

        :raises InvalidRequest: when they share none, or it does not show.
        """
        month_first = day_first = False
        unclear = ""
        for text in texts:
            if (found := _PARTS.fullmatch(text)) is None or found[2] == ".":
                continue
            first, second = int(found[1]), int(found[3])
            day_first |= first > 12
            month_first |= second > 12
            if first <= 12 and second <= 12 and first != second:
                unclear = unclear or text
        if month_first and day_first:
            raise InvalidRequest("The export has days that begin with the month and others that do not.")
        if unclear and not month_first and not day_first:
            raise InvalidRequest(
                f'The export does not show whether "{unclear}" begins with the day or with the month: '
                "export days such as 2026-11-25."
            )
        return cls(begins_with_month=not day_first)

    def day(self, text: str) -> date:
        """Return the day in UTC.

        :raises ValueError: when it is none.
        """
        moment = self.moment(text)
        return moment.date() if isinstance(moment, datetime) else moment

    def moment(self, text: str) -> date | datetime:
        """Return a day, or a moment in UTC.

        :raises ValueError: when it is neither.
        """
        try:
            found = self._read(text)
        except (ValueError, OverflowError, OSError):
            found = date.min
        if not MIN_YEAR <= found.year < MAX_YEAR:
            raise ValueError(f'"{text}" is no day')
        return found

    def _read(self, text: str) -> date | datetime:
        if _UNIX_TIME.fullmatch(text):
            return datetime.fromtimestamp(int(text), UTC)
        if found := _PARTS.fullmatch(text):
            first, second = found[1].zfill(2), found[3].zfill(2)
            month, day = (first, second) if found[2] == "/" and self._begins_with_month else (second, first)
            text = f"{found[4]}-{month}-{day}{found[5]}"
        text = _OFFSET.sub(r"\1", text.replace("/", "-")).removesuffix(" UTC").removesuffix(" GMT")
        if len(text) <= len("2026-11-25"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def last_day(start: date, end: date | datetime) -> date:
    """Return the last day of a period; a day as its end is included, a moment is not."""
    if isinstance(end, datetime):
        end = (end - timedelta(microseconds=1)).date()
    return max(start, end)
