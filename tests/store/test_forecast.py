"""What a month will cost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert

from vital_shared.store.account_tables import spending
from vital_shared.store.database import Database
from vital_shared.store.forecast import MonthForecasts, month_forecasts

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday; 12 days are left after it


async def spend(database: Database, tenant: str, dollars: dict[date, float]) -> None:
    rows = [
        {"tenant_id": tenant, "period": day.isoformat(), "cost_nanos": round(each * 10**9)}
        for day, each in dollars.items()
    ]
    month = {"tenant_id": tenant, "period": "2026-11", "cost_nanos": 10**15}  # is no day
    async with database.begin() as connection:
        await connection.execute(insert(spending), [*rows, month])


async def forecasts(database: Database, now: datetime = NOON, tenant: str | None = None) -> MonthForecasts:
    async with database.connect() as connection:
        return await month_forecasts(connection, now, tenant)


def days(first: date, count: int, working: float, weekend: float) -> dict[date, float]:
    every = (first + timedelta(days=number) for number in range(count))
    return {day: weekend if day.weekday() >= 5 else working for day in every}


async def test_working_days_and_weekends_are_forecast_apart(database: Database) -> None:
    await spend(database, "acme", days(date(2026, 11, 1), 17, 10, 1) | {NOON.date(): 4})
    found = (await forecasts(database)).overall
    spent = 12 * 10 + 5 * 1 + 4
    assert float(found.spent_dollars) == spent
    # Half of Wednesday, Thursday and Friday, a weekend, five days, a weekend, and Monday the 30th.
    assert found.expected_dollars == pytest.approx(spent + 8.5 * 10 + 4 * 1)
    assert (found.low_dollars, found.high_dollars) == (found.expected_dollars, found.expected_dollars)
    assert found.in_words == "$218.00 by the end of 2026-11, probably $218.00 to $218.00 (from 17 days)"


async def test_uneven_days_make_a_wide_range(database: Database) -> None:
    await spend(database, "acme", {date(2026, 11, day): (day % 2) * 20.0 for day in range(1, 18)})
    found = (await forecasts(database)).overall
    assert found.low_dollars is not None
    assert found.high_dollars is not None
    assert found.expected_dollars is not None
    assert float(found.spent_dollars) <= found.low_dollars < found.expected_dollars - 20
    assert found.high_dollars > found.expected_dollars + 20


async def test_tenants_add_up_to_the_whole(database: Database) -> None:
    await spend(database, "acme", days(date(2026, 10, 20), 29, 3, 1))
    await spend(database, "globex", {date(2026, 11, 17): 7.0, date(2026, 11, 18): 1.0})
    found = await forecasts(database)
    assert list(found.tenants) == ["acme", "globex"]
    assert sum(each.expected_dollars or 0 for each in found.tenants.values()) == pytest.approx(
        found.overall.expected_dollars
    )
    assert list((await forecasts(database, tenant="globex")).tenants) == ["globex"]


async def test_few_days_are_a_rough_guess_and_none_is_no_forecast(database: Database) -> None:
    await spend(database, "acme", {NOON.date(): 4.0})
    found = (await forecasts(database)).overall
    assert (found.expected_dollars, found.in_words) == (None, "no complete day yet, so no forecast")
    await spend(database, "globex", {NOON.date() - timedelta(days=1): 4.0})
    found = (await forecasts(database)).overall
    assert found.expected_dollars == pytest.approx(8 + 12.5 * 4)
    assert "a rough guess from 1 days" in found.in_words
