"""Forecasts of the tenants' spending at the month's end, from the cost of their days so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import sqrt
from statistics import fmean, pvariance
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.models.base import Frozen
from vital_shared.models.money import to_dollars
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
    first = min((day for each in days.values() for day in each), default=now.astimezone(UTC).date())
    tenants = {name: _forecast(each, now, first) for name, each in days.items()}
    ranked = sorted(tenants.items(), key=lambda pair: (-(pair[1].expected_dollars or 0.0), pair[0]))
    return MonthForecasts(overall=_forecast(_added(days.values()), now, first), tenants=dict(ranked))


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


def _forecast(days: Mapping[date, int], now: datetime, first: date) -> MonthForecast:
    today = now.astimezone(UTC).date()
    spent = to_dollars(sum(nanos for day, nanos in days.items() if day >= today.replace(day=1)))
    begin = max(first, today - timedelta(days=MAX_DAYS))
    complete = {day: float(to_dollars(days.get(day, 0))) for day in _days(begin, today)}
    rest = dict(_rest_of_month(now, today))
    expected, spread = _rest(complete, rest) if complete else (0.0, 0.0)
    has_range = len(complete) >= MIN_DAYS_FOR_RANGE
    return MonthForecast(
        month=period_key("monthly", now),
        spent_dollars=spent,
        expected_dollars=float(spent) + expected if complete else None,
        low_dollars=float(spent) + max(0.0, expected - spread) if has_range else None,
        high_dollars=float(spent) + expected + spread if has_range else None,
        days=len(complete),
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


def _rest(complete: Mapping[date, float], rest: Mapping[date, float]) -> tuple[float, float]:
    """Estimate what the rest costs, and half the width of its range.

    The variance of a forecast is that of the days to come and that of the mean they are forecast by.
    """
    expected = variance = 0.0
    for past, left in _by_kind(complete, rest):
        length = sum(left)
        expected += fmean(past) * length
        spread = pvariance(past) * len(past) / max(1, len(past) - 1)
        variance += spread * (sum(share * share for share in left) + length * length / len(past))
    return expected, Z_80 * sqrt(variance)


def _by_kind(
    complete: Mapping[date, float], rest: Mapping[date, float]
) -> Iterator[tuple[list[float], list[float]]]:
    """Pair the costs of past days with the shares of days to come, for working days and for weekends."""
    kinds: tuple[Callable[[date], bool], ...] = (_is_weekend, lambda day: not _is_weekend(day))
    pairs = [
        (
            [cost for day, cost in complete.items() if kind(day)],
            [share for day, share in rest.items() if kind(day)],
        )
        for kind in kinds
    ]
    if all(len(past) >= MIN_DAYS_OF_KIND for past, _ in pairs):
        yield from pairs
    else:
        yield list(complete.values()), list(rest.values())


def _is_weekend(day: date) -> bool:
    return day.weekday() >= 5
