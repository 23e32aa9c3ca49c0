"""Two transactions that wait for each other: Postgres ends one of them, which is done again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, select, text, update
from tests.run_record import run_record

from vital_shared.billing.run_context import RunContext
from vital_shared.models.limits import TenantLimits
from vital_shared.store.account_tables import budgets
from vital_shared.store.database import Database
from vital_shared.store.limits import LimitStore
from vital_shared.store.runs import RunStore
from vital_shared.store.tables import runs
from vital_shared.testing import counted, question

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
"""SQLite has one writer at a time, who waits for nobody."""

WAITING = text(
    "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE NOT granted AND usename = current_user"
)

GATE = text("SELECT pg_advisory_xact_lock(1)")

WAITS_FOR_THE_OTHER = text("SET LOCAL deadlock_timeout = '1min'")
"""Postgres looks for a deadlock once for each transaction, a second after it has begun to wait, and ends the one
for which it looks first."""


async def until_waiting(database: Database, count: int = 1) -> None:
    """Wait until some of this test's connections wait for a lock."""
    async with asyncio.timeout(20):
        while True:
            async with database.connect() as connection:
                if (await connection.execute(WAITING)).scalar_one() >= count:
                    return


async def running(database: Database, run_id: str = "run_1") -> RunStore:
    """Store a run of a tenant with a budget."""
    await LimitStore(database).set("acme", TenantLimits(daily_dollars=Decimal(5)), now=NOW)
    store = RunStore(database)
    await store.start(run_record(question("Why?"), NOW, run_id), lambda: 10)
    return store


def lock_both(connection: Connection) -> str:
    """Lock a run, and then its tenant, once the gate is open."""
    connection.execute(update(runs).values(status=runs.c.status))
    connection.execute(GATE)
    connection.execute(select(budgets).with_for_update())
    return "done"


@pytest.mark.parametrize("shares", [False, True])
async def test_what_stood_in_anothers_way_is_done_again(database: Database, other: Database, shares: bool):
    await running(database)
    with counted() as growth:
        async with other.begin() as connection:
            await connection.execute(WAITS_FOR_THE_OTHER)
            await connection.execute(select(budgets).with_for_update())
            async with other.begin() as gate:
                await gate.execute(GATE)
                done = database.put(lock_both) if shares else asyncio.ensure_future(database.write(lock_both))
                await until_waiting(other)
                standing = asyncio.create_task(connection.execute(update(runs).values(status=runs.c.status)))
                await until_waiting(other, 2)
            await standing  # both have waited for each other
        assert await done == "done"
        assert growth("vital_store_conflicts_total") == 1


async def test_a_run_that_reserves_more_waits_for_its_tenant_before_it_locks_its_row(
    database: Database, other: Database
):
    """Charges of the run are written in transactions that have locked the tenant before."""
    store = await running(database)
    with counted() as growth:
        async with other.begin() as connection:
            await connection.execute(select(budgets).with_for_update())
            reserving = asyncio.create_task(
                store.reserve_more("run_1", 10, 0, tenant_id="acme", now=NOW, deadline_at=LATER)
            )
            await until_waiting(other)
            await connection.execute(update(runs).values(status=runs.c.status))
        await reserving
        assert growth("vital_store_conflicts_total") == 0


async def test_a_run_that_is_resumed_waits_for_its_tenant_before_it_locks_its_row(
    database: Database, other: Database
):
    store = await running(database)
    async with other.begin() as connection:
        waiting = {"status": "awaiting_approval", "deadline_at": LATER}
        await connection.execute(update(runs).values(waiting))
    with counted() as growth:
        async with other.begin() as connection:
            await connection.execute(select(budgets).with_for_update())
            claiming = asyncio.create_task(store.claim("run_1", tenant_id="acme", now=NOW, deadline_at=LATER))
            await until_waiting(other)
            await connection.execute(update(runs).values(plan=runs.c.plan))
        assert (await claiming).status == "running"
        assert growth("vital_store_conflicts_total") == 0


async def test_what_shares_a_transaction_locks_a_tenant_before_its_runs(database: Database, other: Database):
    """A run's nodes are written along with starts of others; what the run reserves locks the tenant first."""
    store = await running(database)
    first, second = (run_record(question("Why?"), NOW, run_id) for run_id in ("run_1", "run_2"))
    context = RunContext("run_1", first.input)
    with counted() as growth:
        async with other.begin() as connection:
            await connection.execute(select(budgets).with_for_update())
            sharing = [
                asyncio.create_task(
                    store.note_nodes("run_1", store.fence(first), {"answer": "{}"}, context=context)
                ),
                asyncio.create_task(store.start(second, lambda: 10)),
            ]
            await until_waiting(other)
            await connection.execute(update(runs).values(status=runs.c.status))
        await asyncio.gather(*sharing)
        assert growth("vital_store_conflicts_total") == 0
