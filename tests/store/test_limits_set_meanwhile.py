"""Limits that are set while runs are under way: whatever these spend counts against them, once."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from tests.store.test_conflicts import until_waiting
from tests.store.test_usage_limits import MODEL, NOW, end, limit, start

from vital_shared.errors import BudgetExceeded, LimitExceeded
from vital_shared.models.charge import Charge
from vital_shared.models.model_call import Tokens
from vital_shared.models.usage_limits import UsageLimit
from vital_shared.store.database import Database
from vital_shared.store.ledger import record
from vital_shared.store.runs import RunStore
from vital_shared.store.settlement import payer_of
from vital_shared.store.usage_limits import UsageLimitStore

CENT = 10**7
TENANT_OF_RUN, USER_OF_RUN = "acme", "ann"
ABOVE = (
    limit("organisation", "umbrella"),
    limit("tenant", TENANT_OF_RUN, period="month"),
    limit("key", "key_1", period="minute"),
    limit("user", USER_OF_RUN, tenant_id=TENANT_OF_RUN),
    limit("tenant", TENANT_OF_RUN, model=MODEL),
    limit("user", USER_OF_RUN, "1000", tenant_id=TENANT_OF_RUN, unit="tokens", period="month"),
)
FIELDS = {"tenant_id": TENANT_OF_RUN, "user_id": USER_OF_RUN, "key_id": "key_1"}


def spent(set_limit: UsageLimit, nanos: int, tokens: int) -> Decimal:
    return Decimal(tokens) if set_limit.unit == "tokens" else Decimal(nanos) / 10**9


@pytest.mark.parametrize("nanos", [CENT, 0])
async def test_a_run_that_began_before_its_first_limit_counts_against_it(
    database: Database, nanos: int
) -> None:
    limits, runs = UsageLimitStore(database), RunStore(database)
    await limits.join(TENANT_OF_RUN, "umbrella", now=NOW)
    context = await start(runs, "run_1", **FIELDS)
    assert not context.is_limited
    for each in ABOVE:
        await limits.set(each, now=NOW)
    await end(runs, context, nanos, 50)
    found = {(each.level, each.model, each.unit): each.spent for each in await limits.list(now=NOW)}
    assert found == {(each.level, each.model, each.unit): spent(each, nanos, 50) for each in ABOVE}


@pytest.mark.parametrize("nanos", [CENT, 0])
@pytest.mark.parametrize("new", ABOVE, ids=lambda each: f"{each.level}-{each.period}-{each.unit}")
async def test_a_limit_that_is_set_while_charges_are_written_counts_them_once(
    database: Database, other: Database, new: UsageLimit, nanos: int
) -> None:
    limits, runs = UsageLimitStore(other), RunStore(database)
    await limits.join(TENANT_OF_RUN, "umbrella", now=NOW)
    context = await start(runs, "run_1", **FIELDS)
    charge = Charge(
        item="llm-1",
        cost_type="llm",
        name=MODEL,
        status="success",
        cost_nanos=nanos,
        tokens=Tokens(input=50),
    )
    payer = payer_of(context.request, "")
    async with database.begin() as connection:
        await connection.run_sync(record, "run_1", payer, [charge], NOW)
        setting = asyncio.create_task(limits.set(new, now=NOW))
        if database.dialect == "postgresql":  # a writer of SQLite is alone with the file
            await until_waiting(database)
    await setting
    (standing,) = await limits.list(now=NOW)
    assert standing.spent == spent(new, nanos, 50)


async def test_charges_that_are_written_while_a_limit_is_set_count_once(
    database: Database, other: Database
) -> None:
    stores = [RunStore(database), RunStore(other)]
    contexts = [await start(stores[number % 2], f"run_{number}", **FIELDS) for number in range(40)]
    ends = [end(stores[number % 2], each, CENT, 1) for number, each in enumerate(contexts)]
    limits = UsageLimitStore(database)
    await asyncio.gather(*ends[:20], limits.set(limit(), now=NOW), *ends[20:])
    (standing,) = await limits.list(now=NOW)
    assert standing.spent == Decimal(40 * CENT) / 10**9


async def test_a_new_limit_that_two_set_at_once_counts_what_was_spent_before_once(
    database: Database, other: Database
) -> None:
    runs = RunStore(database)
    for number in range(5):
        await end(runs, await start(runs, f"run_{number}", **FIELDS), CENT, 1)
    stores = [UsageLimitStore(database), UsageLimitStore(other)] * 4
    await asyncio.gather(*(each.set(limit(), now=NOW) for each in stores))
    (standing,) = await stores[0].list(now=NOW)
    assert standing.spent == Decimal(5 * CENT) / 10**9


@pytest.mark.parametrize(
    ("new", "reserved"),
    [
        (limit("organisation", "umbrella", "1.5"), "1"),
        (limit("user", USER_OF_RUN, "1.5", tenant_id=TENANT_OF_RUN, period="minute"), "1"),
        (limit("key", "key_1", "1.5", period="month"), "1"),
        (limit("tenant", TENANT_OF_RUN, "5", model=MODEL, unit="tokens"), "0"),  # nothing tells of its tokens
        (limit("key", "key_2", "1.5"), "0"),
        (limit("tenant", "another", "1.5"), "0"),
    ],
    ids=lambda each: each if isinstance(each, str) else f"{each.level}-{each.id}",
)
async def test_a_new_limit_reserves_what_others_have_reserved_for_runs_under_way(
    database: Database, new: UsageLimit, reserved: str
) -> None:
    limits, runs = UsageLimitStore(database), RunStore(database)
    await limits.join(TENANT_OF_RUN, "umbrella", now=NOW)
    await limits.set(limit("tenant", TENANT_OF_RUN), now=NOW)
    await limits.set(limit("key", "key_1", period="month", unit="tokens"), now=NOW)
    context = await start(runs, "run_1", **FIELDS)
    await end(runs, await start(runs, "run_2", **FIELDS), CENT, 1)
    assert str((await limits.set(new, now=NOW)).reserved) == reserved
    assert str((await limits.set(new, now=NOW)).reserved) == reserved, "once"
    if reserved == "1":
        with pytest.raises(LimitExceeded):
            await start(runs, "run_3", **FIELDS)
    await end(runs, context, CENT, 1)
    assert {each.reserved for each in await limits.list(now=NOW)} == {0}


async def test_an_organisation_reserves_for_the_runs_of_a_tenant_that_joins_it(database: Database) -> None:
    limits, runs = UsageLimitStore(database), RunStore(database)
    await limits.set(limit("tenant", TENANT_OF_RUN), now=NOW)
    await limits.set(limit("organisation", "umbrella", "1.5"), now=NOW)
    context = await start(runs, "run_1", **FIELDS)
    for _ in range(2):
        await limits.join(TENANT_OF_RUN, "umbrella", now=NOW)
        assert [each.reserved for each in await limits.list(now=NOW)] == [1, 1]
    with pytest.raises(BudgetExceeded, match="of the organisation umbrella"):
        await start(runs, "run_2", **FIELDS)
    await end(runs, context, CENT, 1)
    standings = await limits.list(now=NOW)
    assert [(each.spent, each.reserved) for each in standings] == [(Decimal("0.01"), 0)] * 2
