"""The limits of tenants, set and shown."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import insert

from vital_shared.errors import InvalidRequest, NotFound
from vital_shared.models.limits import TenantLimits
from vital_shared.store.account_tables import reservations, spending
from vital_shared.store.database import Database
from vital_shared.store.limits import LimitStore

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TEN = TenantLimits(daily_dollars=Decimal(10), monthly_dollars=Decimal(200), requests_per_minute=60)


@pytest.fixture
def limits(database: Database) -> LimitStore:
    return LimitStore(database)


async def spend(database: Database, tenant_id: str, **periods: int) -> None:
    names = {"today": "2026-11-25", "yesterday": "2026-11-24", "month": "2026-11", "last_month": "2026-10"}
    rows = [{"tenant_id": tenant_id, "period": names[name], "cost_nanos": n} for name, n in periods.items()]
    async with database.begin() as connection:
        await connection.execute(insert(spending), rows)


async def test_limits_are_read_back_with_nothing_spent(limits: LimitStore):
    await limits.set("acme", TEN, now=NOW)
    standing = await limits.get("acme", now=NOW)
    assert standing.limits == TEN
    assert standing.daily is not None
    assert standing.daily.left_dollars == 10
    assert standing.monthly is not None
    assert standing.monthly.resets_at == datetime(2026, 12, 1, tzinfo=UTC)
    assert (standing.reserved_dollars, standing.updated_at) == (0, NOW)


async def test_what_is_spent_and_reserved_is_taken_off_to_the_nano_dollar(database, limits: LimitStore):
    await limits.set("acme", TEN, now=NOW)
    await spend(database, "acme", today=1, yesterday=10**12, month=5 * 10**9 + 1, last_month=10**12)
    await spend(database, "globex", today=10**12, month=10**12)
    held = {"run_id": "r", "tenant_id": "acme", "cost_nanos": 2 * 10**9, "expires_at": NOW + timedelta(1)}
    overdue = held | {"run_id": "dead", "expires_at": NOW}
    async with database.begin() as connection:
        await connection.execute(insert(reservations), [held, overdue])
    standing = await limits.get("acme", now=NOW)
    assert standing.daily is not None
    assert standing.monthly is not None
    assert standing.daily.left_dollars == Decimal("7.999999999")
    assert standing.monthly.left_dollars == Decimal("192.999999999")
    assert standing.monthly.spent_dollars == Decimal("5.000000001")
    assert standing.reserved_dollars == 2


async def test_what_is_left_is_never_below_nothing(database, limits: LimitStore):
    await limits.set("acme", TEN, now=NOW)
    await spend(database, "acme", today=11 * 10**9)
    standing = await limits.get("acme", now=NOW)
    assert standing.daily is not None
    assert (standing.daily.spent_dollars, standing.daily.left_dollars) == (11, 0)


async def test_setting_again_replaces_all_of_it(limits: LimitStore):
    await limits.set("acme", TEN, now=NOW)
    await limits.set("acme", TenantLimits(requests_per_minute=5), now=NOW)
    standing = await limits.get("acme", now=NOW)
    assert (standing.daily, standing.monthly, standing.requests_per_minute) == (None, None, 5)


async def test_the_list_has_who_is_limited_in_order(database, limits: LimitStore):
    for tenant in ("b", "a"):
        await limits.set(tenant, TEN, now=NOW)
    await spend(database, "b", today=1)
    await spend(database, "c", today=1)
    listed = await limits.list(now=NOW)
    assert [each.tenant_id for each in listed] == ["a", "b"]
    assert listed[1] == await limits.get("b", now=NOW)


async def test_deleted_limits_are_gone(limits: LimitStore):
    await limits.set("acme", TEN, now=NOW)
    await limits.delete("acme")
    for gone in (limits.get("acme", now=NOW), limits.delete("acme")):
        with pytest.raises(NotFound, match="acme has no limits"):
            await gone


async def test_limits_belong_to_a_tenant(limits: LimitStore):
    with pytest.raises(InvalidRequest, match="name a tenant"):
        await limits.set("", TEN, now=NOW)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"daily_dollars": "-1"},
        {"daily_dollars": "0.0000000001"},
        {"daily_dollars": "NaN"},
        {"monthly_dollars": "1000000001"},
        {"requests_per_minute": 0},
        {"requests_per_minute": 60_001},
        {"requests_per_minute": "60"},
        {"weekly_dollars": "1"},
    ],
)
def test_limits_that_cannot_be_kept_exactly_are_refused(fields):
    with pytest.raises(ValidationError):
        TenantLimits(**fields)


@given(st.decimals(min_value=0, max_value=10**9, places=9))
def test_limits_go_through_json_unchanged(dollars):
    limits = TenantLimits(daily_dollars=dollars)
    assert TenantLimits.model_validate_json(limits.model_dump_json()) == limits
