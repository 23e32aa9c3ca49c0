"""Sums over the ledger: exact, of each tenant alone, and the same in both databases."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import delete
from tests.ledger_rows import NOON, row, write

from vital_shared.errors import InvalidRequest
from vital_shared.models.charge import MAX_CHARGE_NANOS
from vital_shared.models.costs import CostQuery, CostSums
from vital_shared.models.money import to_dollars
from vital_shared.store.account_tables import ledger
from vital_shared.store.costs import MAX_LINES, CostStore
from vital_shared.store.database import Database

LARGEST = 2**63 - 1
GROUPS = ("tenant", "user", "mode", "model", "agent", "workflow", "type", "day")

amounts = st.one_of(st.integers(0, 20), st.integers(0, LARGEST))
rows = st.fixed_dictionaries(
    {
        "run_id": st.sampled_from(["run", None]),
        "tenant_id": st.sampled_from(["acme", "globex"]),
        "mode": st.sampled_from("12"),
        "agent_id": st.sampled_from(["a", "b"]),
        "cost_type": st.sampled_from(["llm", "tools", "rag"]),
        "name": st.sampled_from(["x", "=y", ""]),
        "workflow": st.sampled_from(["tickets.Tickets", None]),
        "estimated": st.booleans(),
        "unit_prices": st.sampled_from(["{}", None]),
        "calls": st.integers(0, 2**31 - 1),
        "hits": st.integers(0, 2**31 - 1),
        "clamped": st.booleans(),
        "cost_nanos": st.integers(0, MAX_CHARGE_NANOS),
        "at": st.integers(-60, 60).map(lambda hours: NOON + timedelta(hours=hours, microseconds=hours)),
    }
    | dict.fromkeys(
        (
            "saved_nanos",
            "input_tokens",
            "cached_input_tokens",
            "output_tokens",
            "reasoning_tokens",
        ),
        amounts,
    )
).map(lambda changes: row(**changes))

moments = st.integers(-40, 40).map(lambda hours: NOON + timedelta(hours=hours))
queries = st.fixed_dictionaries(
    {"group_by": st.lists(st.sampled_from(GROUPS), unique=True)},
    optional={
        "from": moments,
        "to": moments.map(lambda moment: moment + timedelta(hours=81)),
        "mode": st.sampled_from("12"),
        "agent": st.sampled_from("ab"),
        "type": st.sampled_from(["llm", "tools"]),
    },
).map(CostQuery.model_validate)


@pytest.fixture
def costs(database: Database) -> CostStore:
    return CostStore(database)


def fits(each: dict[str, Any], query: CostQuery, tenant_id: str | None) -> bool:
    return (
        tenant_id in (None, each["tenant_id"])
        and (query.start is None or each["at"] >= query.start)
        and (query.end is None or each["at"] < query.end)
        and (query.mode is None or each["mode"] == query.mode.value)
        and query.agent in (None, each["agent_id"])
        and query.type in (None, each["cost_type"])
    )


def group(each: dict[str, Any], query: CostQuery) -> tuple[str | None, ...]:
    values = {
        "tenant": each["tenant_id"],
        "user": each["user_id"],
        "mode": each["mode"],
        "model": each["name"] if each["cost_type"] == "llm" else None,
        "agent": each["agent_id"],
        "workflow": each["workflow"],  # the runs of these rows are not stored
        "type": each["cost_type"],
        "day": f"{each['at']:%Y-%m-%d}",
    }
    return tuple(values[name] for name in query.group_by)


def summed(found: list[dict[str, Any]]) -> CostSums:
    made = [each for each in found if each["run_id"] is not None]

    def over(name: str, some: list[dict[str, Any]]) -> int:
        return sum(each[name] for each in some)

    return CostSums(
        cost_dollars=to_dollars(over("cost_nanos", found)),
        saved_dollars=to_dollars(over("saved_nanos", found)),
        calls=over("calls", made),
        estimated_calls=over("calls", [each for each in made if each["estimated"]]),
        clamped_calls=over("calls", [each for each in made if each.get("clamped")]),
        unpriced_calls=over("calls", [each for each in made if each["unit_prices"] is None]),
        spared_calls=over("calls", found) - over("calls", made),
        hits=over("hits", found),
        input_tokens=over("input_tokens", made),
        cached_input_tokens=over("cached_input_tokens", made),
        output_tokens=over("output_tokens", made),
        reasoning_tokens=over("reasoning_tokens", made),
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(rows, max_size=12), queries, st.sampled_from([None, "acme", "initech"]))
async def test_sums_are_those_of_exact_arithmetic(
    database: Database, costs: CostStore, made_up: list, query: CostQuery, tenant_id: str | None
) -> None:
    async with database.begin() as connection:
        await connection.execute(delete(ledger))
    if made_up:
        await write(database, *made_up)
    expected = defaultdict(list)
    for each in made_up:
        if fits(each, query, tenant_id):
            expected[group(each, query)].append(each)
    if not query.group_by:
        expected.setdefault((), [])
    report = await costs.report(query, tenant_id=tenant_id)
    found = {tuple(line.group.values()): line.model_dump(exclude={"group"}) for line in report.lines}
    assert found == {key: summed(some).model_dump() for key, some in expected.items()}
    assert report.total == summed([each for some in expected.values() for each in some])
    order = [tuple((value is None, value) for value in line.group.values()) for line in report.lines]
    assert order == sorted(order)


async def test_sums_go_beyond_64_bits(database: Database, costs: CostStore) -> None:
    await write(database, *(row(saved_nanos=LARGEST, input_tokens=LARGEST) for _ in range(5)))
    report = await costs.report(CostQuery(), tenant_id=None)
    assert report.total.saved_dollars == Decimal("46116860184.273879035")
    assert report.total.input_tokens == 5 * LARGEST


async def test_without_a_ledger_all_is_zero(costs: CostStore) -> None:
    report = await costs.report(CostQuery(), tenant_id=None)
    assert report.total == CostSums()
    assert report.lines[0].cost_dollars == 0
    assert (await costs.report(CostQuery(group_by=("day",)), tenant_id=None)).lines == ()


async def test_days_are_those_of_utc_and_the_end_is_not_included(
    database: Database, costs: CostStore
) -> None:
    zone = timezone(timedelta(hours=5))
    moments = [datetime(2026, 11, 25, 4, 59, 59, 999_999, zone), datetime(2026, 11, 25, 5, 0, 0, 0, zone)]
    await write(database, *(row(at=moment) for moment in moments))

    async def days(**given: str) -> list[str | None]:
        query = CostQuery.model_validate({"group_by": ["day"]} | given)
        return [line.group["day"] for line in (await costs.report(query, tenant_id=None)).lines]

    assert await days() == ["2026-11-24", "2026-11-25"]
    assert await days(to="2026-11-25") == ["2026-11-24"]
    assert await days(**{"from": "2026-11-25T00:00:00Z"}) == ["2026-11-25"]


async def test_more_lines_than_anybody_reads_are_refused(database: Database, costs: CostStore) -> None:
    await write(database, *(row(name=f"model-{number}") for number in range(MAX_LINES)))
    query = CostQuery(group_by=("model",))
    assert len((await costs.report(query, tenant_id=None)).lines) == MAX_LINES
    await write(database, row(run_id="another", name="one more"))
    with pytest.raises(InvalidRequest, match="more than 10,000 lines") as caught:
        await costs.report(query, tenant_id=None)
    assert caught.value.field == "group_by"


async def test_an_empty_tenant_is_not_all_tenants(costs: CostStore) -> None:
    with pytest.raises(InvalidRequest, match="name a tenant"):
        await costs.report(CostQuery(), tenant_id="")


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01", "2026-11-25T12:00", "2026-11-25 12", "20261125", ""]
)
def test_a_moment_that_cannot_be_read_or_has_no_zone_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="must be a day such as"):
        CostQuery.model_validate({"from": text})


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"])
def test_a_moment_beyond_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="must be a day such as"):
        CostQuery.model_validate({"to": text})


def test_a_moment_with_any_zone_is_taken() -> None:
    query = CostQuery.model_validate({"from": "2026-11-25T14:00:00+02:00"})
    assert query.start == datetime(2026, 11, 25, 12, tzinfo=UTC)
