"""Charges that wait for a store which stood still count against all limits until they are written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import func, make_url, select
from tests.run_record import run_record
from tests.store.freezing import frozen_postgres, frozen_sqlite
from tests.store.settling import NOW, QUESTION, charge

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import BudgetExceeded, StoreError
from vital_shared.models.limits import TenantLimits
from vital_shared.models.usage_limits import UsageLimit
from vital_shared.store.account_tables import ledger, reservations
from vital_shared.store.database import Database
from vital_shared.store.limits import LimitStore
from vital_shared.store.outage import REMEMBERED_SECONDS, Outage
from vital_shared.store.runs import RunStore
from vital_shared.store.usage_limits import UsageLimitStore

WAIT_SECONDS = 0.5
LONG = timedelta(minutes=20)
"""An outage that outlasts what was reserved for a run."""

CENTS = 10**7


class Worker:
    """A process with the store of all, and a clock that a test sets."""

    def __init__(self, url: str) -> None:
        self.seconds = 0.0
        self.database = Database(url, wait_seconds=WAIT_SECONDS)
        self.database.outage = Outage(lambda: self.seconds)
        self.runs = RunStore(self.database, worker=uuid4().hex)

    async def start(self, run_id: str, later: timedelta = timedelta()) -> RunContext:
        now = NOW + later
        record = run_record(QUESTION, now, run_id)
        record = record.model_copy(update={"deadline_at": now + timedelta(minutes=5)})
        await self.runs.start(record, lambda: 60 * CENTS)
        return RunContext(run_id, QUESTION)

    async def fail(self, context: RunContext) -> None:
        end = {"status": "failed", "error_type": "model", "message": "No.", "node": None, "now": NOW}
        await self.runs.fail(context.run_id, **end, context=context)

    async def find_store_away(self) -> None:
        while not self.database.outage.recent():
            self.seconds += 1
            with suppress(StoreError):
                await self.database.check()

    async def aclose(self) -> None:
        await self.runs.charge_writer.aclose()
        await self.database.aclose()


@pytest.fixture
async def workers(url: str) -> AsyncIterator[tuple[Worker, Worker]]:
    """Two processes of one store, with a dollar a day."""
    first = Worker(url)
    await first.database.migrate()
    second = Worker(url)
    yield first, second
    await first.aclose()
    await second.aclose()


@pytest.fixture
def freeze(url: str, request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[None]]:
    """Stop the database, and let it go on."""
    if url.startswith("sqlite"):
        return lambda: frozen_sqlite(make_url(url).database)
    return lambda: frozen_postgres(request.getfixturevalue("postgres").pgdata)


@asynccontextmanager
async def outlasted(workers: tuple[Worker, Worker], freeze, *, is_tree: bool) -> AsyncIterator[None]:
    """Let a run end while the store stands still until its reservation is over, and its charge wait behind."""
    first, second = workers
    if is_tree:
        above = UsageLimit(level="tenant", id="acme", amount=Decimal(1), unit="dollars", period="day")
        await UsageLimitStore(first.database).set(above, now=NOW)
    else:
        await LimitStore(first.database).set("acme", TenantLimits(daily_dollars=Decimal(1)), now=NOW)
    context = await first.start("run_1")
    context.add(charge(nanos=60 * CENTS))
    await second.database.ping()
    with freeze():
        with suppress(StoreError):
            await first.fail(context)
        await asyncio.gather(first.find_store_away(), second.find_store_away())
        if first.runs.charge_writer._in_flight:
            await asyncio.wait(first.runs.charge_writer._in_flight.values())
        first.seconds = second.seconds = LONG.total_seconds()
        await first.runs.charge_writer._turn.acquire()  # its next attempt comes after the requests of others
    yield
    first.runs.charge_writer._turn.release()


@pytest.mark.parametrize("is_tree", [False, True])
@pytest.mark.parametrize("place", [0, 1])
async def test_a_charge_that_waits_counts_after_a_stall_that_outlasts_its_reservation(
    workers, freeze, is_tree, place
):
    async with outlasted(workers, freeze, is_tree=is_tree):
        with pytest.raises(BudgetExceeded):
            await workers[place].start("run_3", LONG)
    first = workers[0]
    while first.runs.charge_writer._kept:
        await first.runs.charge_writer.catch_up()
    assert await count(first.database, ledger) == 1
    assert await count(first.database, reservations) == 0


async def test_a_sweep_after_a_stall_calls_no_run_lost_whose_end_waits(workers, freeze):
    first, second = workers
    async with outlasted(workers, freeze, is_tree=False):
        assert await second.runs.sweep(NOW + LONG) == ()
        assert await count(first.database, reservations) == 1
    while first.runs.charge_writer._kept:
        await first.runs.charge_writer.catch_up()
    record = await second.runs.get("run_1", tenant_id="acme", now=NOW + LONG)
    assert (record.status, record.error_type) == ("failed", "model")


async def test_what_a_lost_run_has_reserved_is_free_some_time_after_a_stall(workers, freeze):
    first, second = workers
    await LimitStore(first.database).set("acme", TenantLimits(daily_dollars=Decimal(1)), now=NOW)
    await first.start("run_1")
    with freeze():
        await second.find_store_away()
    second.seconds = LONG.total_seconds()
    with pytest.raises(BudgetExceeded):
        await second.start("run_3", LONG)
    second.seconds += REMEMBERED_SECONDS
    await second.start("run_4", LONG)


async def test_what_a_run_reserves_in_addition_lasts_as_long_as_its_latest_part(workers):
    first, second = workers
    await LimitStore(first.database).set("acme", TenantLimits(daily_dollars=Decimal(1)), now=NOW)
    await first.start("run_1")
    more = {"tenant_id": "acme", "now": NOW, "deadline_at": NOW + LONG}
    await first.runs.reserve_more("run_1", 20 * CENTS, 0, **more)
    with pytest.raises(BudgetExceeded):
        await second.start("run_2", LONG / 2)


async def count(database: Database, table) -> int:
    async with asyncio.timeout(15), database.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()
