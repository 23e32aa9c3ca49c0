"""Forecasts of the tenants' spending at the month's end, from the cost of their days so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import sqrt
from typing import Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.models.base import Frozen
from vital_shared.models.money import NANOS, to_dollars
from vital_shared.store.account_tables import spending
from vital_shared.store.periods import period_end, period_key

__all__ = ["MonthForecast", "MonthForecasts", "month_forecasts"]

MAX_DAYS: Final = 28
"""Complete days that a forecast is made of."""

MIN_DAYS_OF_KIND: Final = 2
"""Complete days of both kinds from which on working days and weekends are forecast separately."""

MIN_DAYS_FOR_RANGE: Final = 5
"""Complete days below which nothing is said of the spread."""

Z_80: Final = 1.2815515594600038
"""The normal distribution's quantile for a range that holds four of five."""

DAY_SECONDS: Final = 86_400.0


class MonthForecast(Frozen):
    """The forecast of a month's cost."""

    month: str
    spent_dollars: Decimal
    """The spending in this month so far."""

    expected_dollars: float | None
    """The spending at the month's end; None: no day was complete yet."""

    low_dollars: float | None
    high_dollars: float | None
    """Four of five months should end within; None: there were too few days."""

    days: int
    """Complete days that it is made of."""

    @property
    def in_words(self) -> str:
        """The forecast with its uncertainty."""
        if self.expected_dollars is None:
            return "no complete day yet, so no forecast"
        expected = f"${self.expected_dollars:.2f} by the end of {self.month}"
        if self.low_dollars is None or self.high_dollars is None:
            return f"{expected}, a rough guess from {self.days} days"
        likely = f"${self.low_dollars:.2f} to ${self.high_dollars:.2f}"
        return f"{expected}, probably {likely} (from {self.days} days)"


class MonthForecasts(Frozen):
    """The forecasts of all tenants together and of each."""

    overall: MonthForecast
    tenants: dict[str, MonthForecast]
    """The most expensive first."""


async def month_forecasts(
    connection: AsyncConnection, now: datetime, tenant_id: str | None = None
) -> MonthForecasts:
    """Forecast the month of a moment, in UTC, from what each day has cost.

    Days to come cost what working days or weekends have cost on average in the last four weeks; the rest of
    today costs its share of such a day. The tenants' forecasts add up to that of all.
    """
    days = await _spent_by_day(connection, now, tenant_id)
    return await asyncio.to_thread(_forecasts, days, now)  # there may be thousands of tenants


def _forecasts(days: Mapping[str, Mapping[date, int]], now: datetime) -> MonthForecasts:
    calendar = _Calendar.of(now, min((day for each in days.values() for day in each), default=None))
    tenants = {name: _forecast(each, calendar) for name, each in days.items()}
    ranked = sorted(tenants.items(), key=lambda pair: (-(pair[1].expected_dollars or 0.0), pair[0]))
    return MonthForecasts(overall=_forecast(_added(days.values()), calendar), tenants=dict(ranked))


async def _spent_by_day(
    connection: AsyncConnection, now: datetime, tenant_id: str | None
) -> dict[str, dict[date, int]]:
    month = f"{period_key('monthly', now)}-01"
    oldest = min(month, period_key("daily", now - timedelta(days=MAX_DAYS)))
    day = spending.c.period
    statement = select(spending.c.tenant_id, day, spending.c.cost_nanos).where(
        func.length(day) == len("2026-11-25"), day >= oldest, day <= period_key("daily", now)
    )
    if tenant_id is not None:
        statement = statement.where(spending.c.tenant_id == tenant_id)
    found: dict[str, dict[date, int]] = {}
    for tenant, name, nanos in await connection.execute(statement):
        found.setdefault(tenant, {})[date.fromisoformat(name)] = int(nanos)
    return found


def _added(tenants: Iterable[Mapping[date, int]]) -> dict[date, int]:
    total: dict[date, int] = {}
    for days in tenants:
        for day, nanos in days.items():
            total[day] = total.get(day, 0) + nanos
    return total


class _DayKind(NamedTuple):
    """A kind of days, the same for all tenants: those that were, and those to come."""

    complete: tuple[date, ...]
    left: float
    """The days that are left, today's rest as a share of one."""

    squares: float
    """The sum of the squares of their shares."""


class _Calendar(NamedTuple):
    """The days that a month's forecast is made of, and for."""

    month: str
    first_of_month: date
    days: int
    kinds: tuple[_DayKind, ...]
    """Working days and weekends, or all days."""

    @classmethod
    def of(cls, now: datetime, first: date | None) -> _Calendar:
        """Return the days around a moment.

        :param first: the first day on which something was spent; None: nothing was.
        """
        today = now.astimezone(UTC).date()
        begin = max(first or today, today - timedelta(days=MAX_DAYS))
        complete, rest = tuple(_days(begin, today)), tuple(_rest_of_month(now, today))
        weekends, working = _kind(complete, rest, _is_weekend), _kind(complete, rest, _is_working_day)
        are_apart = min(len(weekends.complete), len(working.complete)) >= MIN_DAYS_OF_KIND
        return cls(
            month=period_key("monthly", now),
            first_of_month=today.replace(day=1),
            days=len(complete),
            kinds=(weekends, working) if are_apart else (_kind(complete, rest, lambda _: True),),
        )


def _forecast(days: Mapping[date, int], calendar: _Calendar) -> MonthForecast:
    spent = to_dollars(sum(nanos for day, nanos in days.items() if day >= calendar.first_of_month))
    expected, spread = _rest(days, calendar.kinds) if calendar.days else (0.0, 0.0)
    has_range = calendar.days >= MIN_DAYS_FOR_RANGE
    return MonthForecast(
        month=calendar.month,
        spent_dollars=spent,
        expected_dollars=float(spent) + expected if calendar.days else None,
        low_dollars=float(spent) + max(0.0, expected - spread) if has_range else None,
        high_dollars=float(spent) + expected + spread if has_range else None,
        days=calendar.days,
    )


def _days(begin: date, end: date) -> Iterator[date]:
    while begin < end:
        yield begin
        begin += timedelta(days=1)


def _rest_of_month(now: datetime, today: date) -> Iterator[tuple[date, float]]:
    """Name the days that are left, with the share of each that is."""
    tomorrow = today + timedelta(days=1)
    yield today, (period_end("daily", now) - now).total_seconds() / DAY_SECONDS
    yield from ((day, 1.0) for day in _days(tomorrow, period_end("monthly", now).date()))


def _kind(
    complete: Iterable[date], rest: Iterable[tuple[date, float]], has: Callable[[date], bool]
) -> _DayKind:
    left = [share for day, share in rest if has(day)]
    return _DayKind(
        tuple(day for day in complete if has(day)), sum(left), sum(share * share for share in left)
    )


def _rest(days: Mapping[date, int], kinds: Iterable[_DayKind]) -> tuple[float, float]:
    """Estimate what the rest costs, and half the width of its range.

    The variance of a forecast is that of the days to come and that of the mean they are forecast by.
    """
    expected = variance = 0.0
    for kind in kinds:
        past = [days.get(day, 0) / NANOS for day in kind.complete]
        count = len(past)
        mean = sum(past) / count
        expected += mean * kind.left
        spread = sum((cost - mean) ** 2 for cost in past) / max(1, count - 1)
        variance += spread * (kind.squares + kind.left * kind.left / count)
    return expected, Z_80 * sqrt(variance)


def _is_weekend(day: date) -> bool:
    return day.weekday() >= 5


def _is_working_day(day: date) -> bool:
    return not _is_weekend(day)
