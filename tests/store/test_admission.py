"""Whether a run may begin: on one store, from two processes' connections, with the time given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from tests.store.test_runs import CHECKPOINT, output, record

from vital_shared.errors import BudgetExceeded, NotFound, RateLimited
from vital_shared.models.limits import TenantLimits
from vital_shared.store.account_tables import request_rates, reservations, spending
from vital_shared.store.database import Database
from vital_shared.store.limits import LimitStore
from vital_shared.store.runs import RunStore
from vital_shared.store.tables import runs as runs_table

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=5)
DOLLAR = 10**9


@pytest.fixture
def runs(database: Database) -> RunStore:
    return RunStore(database)


@pytest.fixture
async def limits(database: Database) -> LimitStore:
    return LimitStore(database)


async def budget(limits: LimitStore, daily: str | None = "10", **others: object) -> None:
    chosen = TenantLimits(daily_dollars=None if daily is None else Decimal(daily), **others)
    await limits.set("acme", chosen, now=NOW)


async def start(runs: RunStore, run_id: str, max_cost: int = DOLLAR, now: datetime = NOW, **fields) -> None:
    asked = record(run_id, created_at=now, deadline_at=now + timedelta(minutes=5), **fields)
    await runs.start(asked, lambda: max_cost)


async def end(runs: RunStore, run_id: str) -> None:
    assert await runs.complete(run_id, output=output(run_id), turn=None, now=NOW)


async def spend(database: Database, nanos: int, now: datetime = NOW) -> None:
    """What the ledger does with a run's end."""
    dialect = sqlite if database.dialect == "sqlite" else postgresql
    async with database.begin() as connection:
        for period in (f"{now:%Y-%m-%d}", f"{now:%Y-%m}"):
            row = dialect.insert(spending).values(tenant_id="acme", period=period, cost_nanos=nanos)
            added = {"cost_nanos": spending.c.cost_nanos + nanos}
            await connection.execute(
                row.on_conflict_do_update(index_elements=["tenant_id", "period"], set_=added)
            )


async def count(database: Database, table=reservations) -> int:
    async with database.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def reserved(limits: LimitStore, now: datetime = NOW) -> Decimal:
    return (await limits.get("acme", now=now)).reserved_dollars


@asynccontextmanager
async def statements(database: Database) -> AsyncIterator[list[str]]:
    """The first word of each statement that is written with, as the driver sees it on SQLite."""
    seen: list[str] = []

    def note(statement: str) -> None:
        if not statement.startswith(("BEGIN", "COMMIT")):
            seen.append(statement.split(maxsplit=1)[0])

    def note_event(_connection, _cursor, statement: str, *_) -> None:
        note(statement)

    def trace(callback):
        return lambda connection: connection.connection.dbapi_connection.set_trace_callback(callback)

    if database._in_thread:
        await database._in_thread.write(trace(note))
        yield seen
        await database._in_thread.write(trace(None))
        return
    engine = database._engines.writer.sync_engine
    event.listen(engine, "before_cursor_execute", note_event)
    yield seen
    event.remove(engine, "before_cursor_execute", note_event)


async def outcomes(starts) -> list[BaseException | None]:
    return await asyncio.gather(*starts, return_exceptions=True)


async def test_a_tenant_without_limits_is_asked_nothing(database: Database, runs: RunStore):
    def unasked() -> int:
        raise AssertionError("nobody should ask what the run may cost")

    await runs.start(record(), unasked)
    assert await count(database, runs_table) == 1
    assert await count(database) == await count(database, request_rates) == 0


async def test_a_tenant_without_limits_costs_no_statement_more(database: Database, runs: RunStore):
    async with statements(database) as seen:
        await runs.start(record("run-1"))
        await end(runs, "run-1")
    assert seen == ["INSERT", "UPDATE"]


async def test_what_a_run_may_cost_is_held_back_until_it_ends(database, runs, limits):
    await budget(limits)
    await start(runs, "run-1", 3 * DOLLAR)
    assert await reserved(limits) == 3
    await end(runs, "run-1")
    assert await reserved(limits) == 0


@pytest.mark.parametrize("status", ["failed", "cancelled"])
async def test_a_run_that_fails_or_is_cancelled_gives_back_what_it_held(runs, limits, status):
    await budget(limits)
    await start(runs, "run-1")
    await runs.fail("run-1", status=status, error_type="x", message="x", node=None, now=NOW)
    assert await reserved(limits) == 0


async def test_no_more_than_the_budget_is_promised(database, runs, limits):
    await budget(limits)
    for number in range(10):
        await start(runs, f"run-{number}")
    with pytest.raises(BudgetExceeded) as refused:
        await start(runs, "run-11")
    error = refused.value
    assert (error.period, error.limit_dollars, error.spent_dollars, error.left_dollars) == ("daily", 10, 0, 0)
    assert error.resets_at == datetime(2026, 11, 26, tzinfo=UTC)
    with pytest.raises(NotFound):
        await runs.get("run-11", tenant_id=None)
    await end(runs, "run-0")
    await start(runs, "run-11")


async def test_a_budget_below_one_worst_cost_serves_one_run_at_a_time(database, runs, limits):
    await budget(limits, "0.5")
    await start(runs, "run-1")
    with pytest.raises(BudgetExceeded):
        await start(runs, "run-2")
    await end(runs, "run-1")
    await spend(database, DOLLAR // 4)
    await start(runs, "run-3")
    await end(runs, "run-3")
    await spend(database, DOLLAR // 4)
    with pytest.raises(BudgetExceeded, match=r"\$0.5 is spent and \$0 is free"):
        await start(runs, "run-4")


async def test_a_budget_of_nothing_allows_what_costs_nothing(runs, limits):
    await budget(limits, "0")
    await start(runs, "run-1", 0)
    with pytest.raises(BudgetExceeded):
        await start(runs, "run-2", 1)


async def test_what_is_free_waits_for_nobody_until_the_budget_is_overspent(database, runs, limits):
    await budget(limits, "0.5")
    await start(runs, "run-1")  # holds more than there is
    await start(runs, "run-2", 0)
    await spend(database, DOLLAR)
    with pytest.raises(BudgetExceeded):
        await start(runs, "run-3", 0)


async def test_the_budget_that_resets_later_is_reported_of(database, runs, limits):
    await budget(limits, "1", monthly_dollars=Decimal(1))
    await spend(database, DOLLAR)
    with pytest.raises(BudgetExceeded, match="The monthly budget") as refused:
        await start(runs, "run-1")
    assert refused.value.resets_at == datetime(2026, 12, 1, tzinfo=UTC)


async def test_the_next_day_and_the_next_month_begin_anew(database, runs, limits):
    await budget(limits, "1", monthly_dollars=Decimal(2))
    await spend(database, DOLLAR)
    with pytest.raises(BudgetExceeded, match="The daily"):
        await start(runs, "run-1", now=datetime(2026, 11, 25, 23, 59, 59, 999_999, tzinfo=UTC))
    tomorrow = datetime(2026, 11, 26, tzinfo=UTC)
    await start(runs, "run-2", now=tomorrow)
    await end(runs, "run-2")
    await spend(database, DOLLAR, tomorrow)
    with pytest.raises(BudgetExceeded, match="The monthly"):
        await start(runs, "run-3", now=tomorrow + timedelta(days=1))
    await start(runs, "run-4", now=datetime(2026, 12, 1, tzinfo=UTC))


async def test_what_a_dead_process_held_is_free_after_the_runs_deadline(database, runs, limits):
    await budget(limits, "1")
    await start(runs, "dead")
    with pytest.raises(BudgetExceeded):
        await start(runs, "run-1", now=UNTIL - timedelta(microseconds=1))
    await start(runs, "run-2", now=UNTIL)
    assert len(await RunStore(database).sweep(UNTIL)) == 1
    assert await count(database) == 1


async def test_a_paused_run_holds_nothing_and_asks_again(database, runs, limits):
    await budget(limits, "1")
    await start(runs, "run-1")
    waiting = output("run-1", "awaiting_approval")
    tomorrow = NOW + timedelta(days=1)
    await runs.pause("run-1", checkpoint=CHECKPOINT, output=waiting, last_seq=1, expires_at=tomorrow, now=NOW)
    assert await reserved(limits) == 0
    await start(runs, "run-2")
    claim = {"tenant_id": "acme", "now": NOW, "deadline_at": UNTIL, "max_cost_nanos": lambda: DOLLAR}
    with pytest.raises(BudgetExceeded):
        await runs.claim("run-1", **claim)
    assert (await runs.get("run-1", tenant_id="acme", now=NOW)).status == "awaiting_approval"
    await end(runs, "run-2")
    elsewhere = RunStore(database)  # another replica goes on with it
    await elsewhere.claim("run-1", **claim)
    assert await reserved(limits) == 1
    await end(elsewhere, "run-1")
    assert await reserved(limits) == 0


async def test_a_budget_that_is_set_holds_at_once_and_one_that_is_deleted_no_longer(runs, limits):
    await start(runs, "run-1")
    await budget(limits, "0")
    with pytest.raises(BudgetExceeded):
        await start(runs, "run-2")
    await limits.delete("acme")
    await start(runs, "run-3")


async def test_other_tenants_are_not_touched(database, runs, limits):
    await budget(limits, "0", requests_per_minute=1)
    for number in range(3):
        await start(runs, f"run-{number}", tenant_id="globex")
    assert await count(database) == 0


async def test_requests_beyond_the_rate_are_reported_when_to_come_again(database, runs, limits):
    await budget(limits, None, requests_per_minute=2)
    await start(runs, "run-1")
    await start(runs, "run-2", now=NOW + timedelta(seconds=10))
    with pytest.raises(RateLimited) as refused:
        await start(runs, "run-3", now=NOW + timedelta(seconds=20))
    assert (refused.value.requests_per_minute, refused.value.retry_after_seconds) == (2, 10)
    assert await count(database, runs_table) == 2
    await start(runs, "run-4", now=NOW + timedelta(seconds=30))


async def test_who_is_over_budget_does_not_use_up_the_rate(runs, limits):
    await budget(limits, "0", requests_per_minute=1)
    for number in range(3):
        with pytest.raises(BudgetExceeded):
            await start(runs, f"run-{number}")
    await start(runs, "free", 0)
    with pytest.raises(RateLimited):
        await start(runs, "late", 0)


async def test_going_on_after_a_pause_is_no_request(runs, limits):
    await budget(limits, None, requests_per_minute=1)
    await start(runs, "run-1")
    waiting = output("run-1", "awaiting_approval")
    await runs.pause("run-1", checkpoint=CHECKPOINT, output=waiting, last_seq=1, expires_at=UNTIL, now=NOW)
    claimed = await runs.claim("run-1", tenant_id="acme", now=NOW, deadline_at=UNTIL)
    assert claimed.status == "running"
    with pytest.raises(RateLimited):  # one that is asked now is
        await start(runs, "run-2")


async def test_two_processes_at_once_admit_exactly_what_the_rate_allows(database, other, limits):
    await budget(limits, None, requests_per_minute=17)
    stores = (RunStore(database), RunStore(other))
    came = await outcomes(start(stores[number % 2], f"run-{number}") for number in range(60))
    assert came.count(None) == 17
    assert {type(each) for each in came if each is not None} == {RateLimited}
    assert await count(database, runs_table) == 17


async def test_two_processes_at_once_never_promise_more_than_the_budget(database, other, limits):
    await budget(limits)
    stores = (RunStore(database), RunStore(other))

    async def one(number: int) -> None:
        """Ask for a dollar, spend a part of it in the end, as the ledger does."""
        store, run_id = stores[number % 2], f"run-{number}"
        await start(store, run_id)
        assert await reserved(limits) <= 10
        await spend(database, 7 * DOLLAR // 10)
        await end(store, run_id)

    came = await outcomes(one(number) for number in range(60))
    assert {type(each) for each in came if each is not None} == {BudgetExceeded}
    standing = await limits.get("acme", now=NOW)
    assert standing.daily is not None
    assert standing.daily.spent_dollars == Decimal("0.7") * came.count(None)
    assert standing.daily.spent_dollars <= 10 + 1  # the budget, and no more than one worst cost
    assert came.count(None) >= 10
    assert standing.reserved_dollars == 0
