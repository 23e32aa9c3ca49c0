"""The time that a report is about."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, Self

from vital_shared.models.base import Frozen
from vital_shared.store.periods import period_key

__all__ = ["PERIOD_DAYS", "Period", "PeriodName", "ReportPeriod"]

PeriodName = Literal["day", "week", "month"]

PERIOD_DAYS: Final[dict[PeriodName, int]] = {"day": 1, "week": 7, "month": 30}
"""All of one length, so that a period can be compared with the one before."""


class ReportPeriod(Frozen):
    """From a moment, up to another one that is not part of it; in UTC."""

    start: datetime
    end: datetime


class Period(ReportPeriod):
    """A span of a length that has a name."""

    name: PeriodName

    @classmethod
    def until(cls, end: datetime, name: PeriodName) -> Self:
        """Return the day, the 7 days or the 30 days before a moment."""
        return cls(name=name, start=end - timedelta(days=PERIOD_DAYS[name]), end=end)

    @property
    def before(self) -> Period:
        """The one before, of the same length."""
        return Period.until(self.start, self.name)

    @property
    def first_day(self) -> str:
        """The first day of UTC that it touches, as spending is kept by it."""
        return period_key("daily", self.start)

    @property
    def last_day(self) -> str:
        """The last one."""
        return period_key("daily", self.last_moment)

    @property
    def last_moment(self) -> datetime:
        """The last moment that is part of it."""
        return self.end - timedelta(microseconds=1)

    @property
    def month(self) -> str:
        """The month of the last day."""
        return self.last_day[:7]
