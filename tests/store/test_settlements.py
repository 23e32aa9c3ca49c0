"""What runs owe to the store: written once whatever happens to the store, to neighbours and to the process."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select
from tests.store.settling import NOW, Store, charge, running_store

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import BudgetExceeded, Conflict, NotFound, StoreError
from vital_shared.models.limits import TenantLimits
from vital_shared.models.model_call import Tokens
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.monitoring.metrics import COST_OVERALL_DOLLARS_TOTAL
from vital_shared.store import charge_writer as module
from vital_shared.store.account_tables import ledger, reservations, spending
from vital_shared.store.database import Database
from vital_shared.store.dead_letter_table import dead_letters
from vital_shared.store.dead_letters import DeadLetterStore
from vital_shared.store.ledger import Payer
from vital_shared.store.limits import LimitStore
from vital_shared.store.spool import Spool
from vital_shared.store.tables import runs as runs_table

POISONS = (
    {"cost_nanos": 2**70},
    {"cost_nanos": -5},
    {"unit_prices": {"input": object()}},
    {"name": None},
    {"tokens": Tokens.model_construct(**Tokens().model_dump() | {"input": 2**64})},
)


@pytest.fixture
async def store(database: Database, tmp_path: Path) -> AsyncIterator[Store]:
    async with running_store(database, tmp_path / "owed") as made:
        yield made


async def test_a_run_ends_in_the_store_though_it_was_away(store: Store):
    context = await store.start("run-1")
    context.add(charge())
    store.away = 1
    with pytest.raises(StoreError):
        await store.fail(context)
    assert (await store.runs.get("run-1", tenant_id="acme")).status == "failed"  # readers know it at once
    assert await store.status("run-1") == "running"
    assert store.runs.charge_writer._retrying is not None
    await store.runs.charge_writer._retrying  # by itself: nobody asks for it
    assert await store.status("run-1") == "failed"
    assert await store.rows(select(ledger.c.cost_nanos)) == [(7,)]


async def test_an_exclusive_lock_on_the_file_delays_an_end_and_does_not_lose_it(tmp_path: Path):
    path = tmp_path / "vital.db"
    database = Database(f"sqlite+aiosqlite:///{path}", wait_seconds=0.2)
    await database.migrate()
    store = Store(database)
    context = await store.start("run-1")
    context.add(charge())
    with closing(sqlite3.connect(path, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError):
            await store.fail(context)
        with pytest.raises(StoreError):
            await store.start("run-2")
    await store.settled()
    assert await store.status("run-1") == "failed"
    assert await store.rows(select(ledger.c.cost_nanos)) == [(7,)]
    await store.runs.charge_writer.aclose()
    await database.aclose()


@pytest.mark.parametrize("poison", POISONS)
async def test_a_poisoned_charge_is_set_aside_alone_and_its_run_ends_at_once(store: Store, poison: dict):
    context = await store.start("run-1")
    for each in (charge("llm/1"), charge("llm/2", **poison), charge("llm/3")):
        context.add(each)
    assert await store.fail(context)
    await store.settled()
    assert await store.status("run-1") == "failed"
    assert sorted(await store.rows(select(ledger.c.item))) == [("llm/1",), ("llm/3",)]
    (letter,) = await DeadLetterStore(store.database).list()
    assert (letter.kind, letter.run_id, letter.item, letter.tenant_id) == ("charge", "run-1", "llm/2", "acme")
    assert letter.payload["charges"][0]["item"] == "llm/2"
    assert letter.error


async def test_a_poisoned_charge_does_not_hold_up_those_behind_it(store: Store):
    bills = [await store.start(f"run-{number}") for number in range(20)]
    for number, context in enumerate(bills):
        context.add(charge(**POISONS[0] if number == 0 else {}))
    store.away = 1_000
    assert all(
        isinstance(each, StoreError)
        for each in await asyncio.gather(*map(store.fail, bills), return_exceptions=True)
    )
    store.away = 0
    await store.settled()
    assert await store.rows(select(func.count()).select_from(ledger)) == [(19,)]
    assert await DeadLetterStore(store.database).count() == 1
    assert {await store.status(context.run_id) for context in bills} == {"failed"}


async def test_an_end_that_can_never_be_written_is_set_aside_and_lets_its_reservation_go(store: Store):
    await LimitStore(store.database).set("acme", TenantLimits(daily_dollars=Decimal(1)), now=NOW)
    context = await store.start("run-1", max_cost_nanos=1_000)
    context.add(charge())
    assert await store.rows(select(reservations.c.run_id)) == [("run-1",)]
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(StoreError, match="time zone"):
        await store.runs.charge_writer.write(
            context, NOW, lambda _: 1 / 0, lambda: None, unstorable(store, "run-1", naive)
        )
    await store.settled()
    assert await store.rows(select(reservations.c.run_id)) == []
    assert await store.rows(select(ledger.c.item)) == [("llm/1",)]
    assert [each.kind for each in await DeadLetterStore(store.database).list()] == ["run_end"]


def unstorable(store: Store, run_id: str, finished_at: datetime):
    end = module.RunEnd(run_id=run_id, status="failed", finished_at=NOW, has_reservation=True)
    return end.model_copy(update={"finished_at": finished_at})


async def test_a_reservation_is_let_go_with_an_end_that_was_late(store: Store):
    await LimitStore(store.database).set("acme", TenantLimits(daily_dollars=Decimal(1)), now=NOW)
    context = await store.start("run-1", max_cost_nanos=1_000)
    store.away = 1
    with pytest.raises(StoreError):
        await store.fail(context)
    await store.settled()
    assert await store.rows(select(reservations.c.run_id)) == []
    assert store.runs._reserved == set()


def test_what_is_kept_in_files_can_be_read_by_the_version_before():
    payer = Payer(tenant_id="acme", user_id="ann", mode=WorkflowMode.MODE_4, agent_id="a")
    end = module.RunEnd(run_id="run-1", status="failed", finished_at=NOW, is_limited=False)
    kept = module.Settlement(run_id="run-1", payer=payer, at=NOW, end=end).to_json()
    assert "is_limited" not in kept
    read = module.Settlement.model_validate_json(kept)
    assert read.end is not None
    assert read.end.is_limited  # which only looks where nothing is


async def test_an_outage_is_no_free_lunch(store: Store):
    await LimitStore(store.database).set("acme", TenantLimits(daily_dollars=Decimal(1)), now=NOW)
    context = await store.start("run-1")
    context.add(charge(nanos=10**9))
    store.away = 1
    with pytest.raises(StoreError):
        await store.fail(context)
    with pytest.raises(BudgetExceeded):
        await store.start("run-2", max_cost_nanos=1_000)
    await store.settled()
    assert store.runs.charge_writer.owed_nanos("acme") == 0


async def test_a_run_that_was_called_lost_meanwhile_ends_as_it_did(store: Store):
    context = await store.start("run-1")
    store.away = 1
    with pytest.raises(StoreError):
        await store.fail(context)
    catch_up, store.runs.charge_writer.catch_up = store.runs.charge_writer.catch_up, nothing
    await store.runs.sweep(NOW + timedelta(hours=1))  # of another process, which does not know
    store.runs.charge_writer.catch_up = catch_up
    await store.settled()
    (error,) = await store.rows(select(runs_table.c.error_type))
    assert error == ("model",)


async def nothing() -> None:
    pass


async def test_dead_letters_are_retried_and_discarded_once(store: Store):
    letters = DeadLetterStore(store.database)
    context = await store.start("run-1")
    for item in ("llm/1", "llm/2"):
        context.add(charge(item, **POISONS[1]))
    await store.fail(context)
    await store.settled()
    first, second = await letters.list()
    again = await letters.retry(first.id, now=NOW)
    assert (again.resolved, again.attempts) == (None, 2)
    async with store.database.begin() as connection:  # somebody has put it right
        payload = again.payload | {"charges": [again.payload["charges"][0] | {"cost_nanos": 5}]}
        values = {"payload": json.dumps(payload)}
        await connection.execute(dead_letters.update().where(dead_letters.c.id == first.id).values(values))
    assert (await letters.retry(first.id, now=NOW)).resolved == "written"
    assert (await letters.discard(second.id, now=NOW)).resolved == "discarded"
    assert await letters.count() == 0
    assert await letters.list() == ()
    assert len(await letters.list(resolved=True)) == 2
    for call in (letters.retry, letters.discard):
        with pytest.raises(Conflict):
            await call(second.id, now=NOW)
        with pytest.raises(NotFound):
            await call(99, now=NOW)
    assert await store.rows(select(ledger.c.item, ledger.c.cost_nanos)) == [("llm/1", 5)]


RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "poison": st.none() | st.sampled_from(POISONS),
            "after_raises": st.booleans(),
            "cancelled": st.booleans(),
            "away": st.sampled_from([0, 0, 0, 1, 3]),
            "pause": st.integers(1, 3),
        }
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(plans=RUNS)
async def test_each_good_write_is_committed_once_and_each_poisoned_one_set_aside_once(
    database: Database, plans: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "FIRST_RETRY_SECONDS", 0.001)  # a store that is away 20 times takes minutes
    monkeypatch.setattr(module, "MAX_RETRY_SECONDS", 0.001)
    async with database.begin() as connection:
        for table in (ledger, spending, dead_letters, runs_table):
            await connection.execute(delete(table))
    transact = database._commits._transact
    store = Store(database, Spool(tmp_path / "owed"))
    before = COST_OVERALL_DOLLARS_TOTAL.labels("2", "llm")._value
    good, poisoned, tasks = set(), set(), []
    bills = [await store.start(f"run-{number}") for number in range(len(plans))]
    for number, (context, plan) in enumerate(zip(bills, plans, strict=True)):
        context.add(charge("llm/1", nanos=number + 1))
        good.add((context.run_id, "llm/1", number + 1))
        if plan["poison"] is not None:
            context.add(charge("llm/2", **plan["poison"]))
            poisoned.add((context.run_id, "llm/2"))
        tasks.append(asyncio.create_task(ended(store, context, plan)))
        store.away += plan["away"]
        for _ in range(plan["pause"]):
            await asyncio.sleep(0)
    for task, plan in zip(tasks, plans, strict=True):
        if plan["cancelled"]:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await store.settled()
    await store.runs.charge_writer.aclose()
    columns = ledger.c.run_id, ledger.c.item, ledger.c.cost_nanos
    assert sorted(await store.rows(select(*columns))) == sorted(good)
    found = await store.rows(select(dead_letters.c.run_id, dead_letters.c.item))
    assert sorted(found) == sorted(poisoned)
    spent = sum(nanos for *_, nanos in good)
    assert set(await store.rows(select(spending.c.cost_nanos))) == {(spent,)}
    assert COST_OVERALL_DOLLARS_TOTAL.labels("2", "llm")._value - before == spent
    assert set(await store.rows(select(runs_table.c.status))) == {("failed",)}
    assert await database.put(lambda _connection: "the writer lives") == "the writer lives"
    database._commits._transact = transact


async def ended(store: Store, context: RunContext, plan: dict) -> None:
    if plan["after_raises"]:
        raising = store.database.put(lambda _connection: None, lambda _: 1 / 0)
        raising.add_done_callback(lambda done: done.cancelled() or done.exception())
    with suppress(StoreError):
        await store.fail(context)
