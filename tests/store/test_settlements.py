"""What runs owe to the store: written once whatever happens to the store, to neighbours and to the process."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, select
from structlog.testing import capture_logs
from tests.full_disk import full_disk
from tests.run_record import run_record

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import BudgetExceeded, Conflict, NotFound, StoreError
from vital_shared.models.charge import Charge
from vital_shared.models.limits import TenantLimits
from vital_shared.models.model_call import Tokens
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
from vital_shared.monitoring.counted import counted
from vital_shared.monitoring.metrics import COST_OVERALL_DOLLARS_TOTAL
from vital_shared.store import charge_writer as module
from vital_shared.store.account_tables import ledger, reservations, spending
from vital_shared.store.database import Database
from vital_shared.store.dead_letter_table import dead_letters
from vital_shared.store.dead_letters import DeadLetterStore
from vital_shared.store.ledger import Payer
from vital_shared.store.limits import LimitStore
from vital_shared.store.run_end import RunEnd
from vital_shared.store.runs import RunStore
from vital_shared.store.settlement import Settlement
from vital_shared.store.spool import Spool
from vital_shared.store.tables import runs as runs_table

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
QUESTION = WorkflowInput(query="?", mode=WorkflowMode.MODE_2, tenant_id="acme", user_id="ann")
POISONS = (
    {"cost_nanos": 2**70},
    {"cost_nanos": -5},
    {"unit_prices": {"input": object()}},
    {"name": None},
    {"tokens": Tokens.model_construct(**Tokens().model_dump() | {"input": 2**64})},
)


class Store:
    """A store that is away when a test says so."""

    def __init__(self, database: Database, spool: Spool | None = None) -> None:
        self.database = database
        self.away = 0
        """Transactions that fail from now on."""
        self.runs = RunStore(database, spool)
        self._transact = database._commits._transact
        database._commits._transact = self.transact

    async def transact(self, work: Callable[[Connection], list[object]]) -> list[object]:
        if self.away:
            self.away -= 1
            raise StoreError("The database is away.")
        return await self._transact(work)

    async def start(self, run_id: str, max_cost_nanos: int = 0) -> RunContext:
        record = run_record(QUESTION, NOW, run_id)
        await self.runs.start(record, lambda: max_cost_nanos)
        return RunContext(run_id, QUESTION)

    async def fail(self, context: RunContext) -> bool:
        return await self.runs.fail(
            context.run_id,
            status="failed",
            error_type="model",
            message="No.",
            node=None,
            now=NOW,
            context=context,
        )

    async def settled(self) -> None:
        """Wait until nothing is owed any more."""
        charge_writer = self.runs.charge_writer
        while charge_writer._in_flight or charge_writer._kept:
            await asyncio.sleep(0)
            await charge_writer.catch_up()

    async def rows(self, statement) -> list:
        async with self.database.connect() as connection:
            return list((await connection.execute(statement)).all())

    async def status(self, run_id: str) -> str:
        return (await self.rows(select(runs_table.c.status).where(runs_table.c.id == run_id)))[0][0]


@pytest.fixture
async def store(database: Database, tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(database, Spool(tmp_path / "owed"))
    yield made
    await made.runs.charge_writer.aclose()


def charge(item: str = "llm/1", nanos: int = 7, **poison: object) -> Charge:
    fields = Charge(item=item, cost_type="llm", name="m", status="success", cost_nanos=nanos)
    return Charge.model_construct(**dict(fields) | poison)


def owed_end(run_id: str) -> Settlement:
    payer = Payer(tenant_id="acme", user_id="ann", mode=WorkflowMode.MODE_2, agent_id="general")
    return Settlement(
        run_id=run_id, payer=payer, at=NOW, end=RunEnd(run_id=run_id, status="failed", finished_at=NOW)
    )


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
    kept = module.Settlement(run_id="run-1", payer=payer, at=NOW, end=end, is_limited=False).to_json()
    assert "is_limited" not in kept
    read = module.Settlement.model_validate_json(kept)
    assert read.end is not None
    assert (read.is_limited, read.end.is_limited) == (True, True)  # which only looks where nothing is


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


async def test_what_is_owed_at_the_end_of_a_process_is_entered_by_the_next(store: Store, tmp_path: Path):
    context = await store.start("run-1")
    context.add(charge())
    store.away = 1_000_000
    with pytest.raises(StoreError):
        await store.fail(context)
    await store.runs.charge_writer.aclose()
    store.away = 0
    assert await store.status("run-1") == "running"
    (file,) = (tmp_path / "owed").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    following = RunStore(store.database, Spool(tmp_path / "owed"))
    assert await following.charge_writer.recover()
    assert await store.status("run-1") == "failed"
    assert await store.rows(select(ledger.c.cost_nanos)) == [(7,)]
    assert not list((tmp_path / "owed").iterdir())


async def test_the_spool_of_a_living_process_and_torn_lines_are_left_alone(store: Store, tmp_path: Path):
    context = await store.start("run-1")
    store.away = 1_000_000
    with pytest.raises(StoreError):
        await store.fail(context)
    living = Spool(tmp_path / "owed")
    living.append([pending.settlement for pending in store.runs.charge_writer._kept])
    store.away = 0
    other = Spool(tmp_path / "owed")
    assert list(other.read_abandoned()) == []
    living.close()
    (file,) = (tmp_path / "owed").iterdir()
    file.write_text(file.read_text() + '{"run_id": "torn words of ann')
    with capture_logs() as logs:
        (read,) = other.read_abandoned()
    assert [each.run_id for each in read[1]] == ["run-1"]
    assert [log["line"] for log in logs] == [2]
    assert "torn" not in str(logs)  # a person's words are in the line, and errors quote it


async def test_a_torn_line_says_what_is_owed_as_far_as_it_can_be_read(store: Store, tmp_path: Path):
    context = await store.start("run-1")
    context.add(charge("llm/1", 1_500))
    context.add(charge("llm/2", 2_600))
    store.away = 1_000_000
    with pytest.raises(StoreError):
        await store.fail(context)
    spool = Spool(tmp_path / "owed")
    spool.append([pending.settlement for pending in store.runs.charge_writer._kept])
    spool.close()
    store.away = 0
    (file,) = (tmp_path / "owed").iterdir()
    whole = file.read_text()
    owed = {}
    for torn in ("No.", "600,", '"run-1"'):  # within the end, within the second amount, within the name
        file.write_text(whole[: whole.index(torn) + 1])
        with capture_logs() as logs:
            (read,) = Spool(tmp_path / "owed").read_abandoned()
        assert read[1] == ()
        owed[torn] = json.loads(logs[0]["owed"])
    amounts = {torn: [each.get("cost_nanos") for each in owed[torn].get("charges", ())] for torn in owed}
    assert amounts == {"No.": [1_500, 2_600], "600,": [1_500, None], '"run-1"': []}
    assert (owed["600,"]["run_id"], owed["600,"]["payer"]["tenant_id"]) == ("run-1", "acme")
    assert "error_message" not in owed["No."]["end"]


async def test_a_spool_that_nobody_may_read_stops_nothing(store: Store, tmp_path: Path):
    (tmp_path / "owed/a.jsonl").mkdir(parents=True)  # it cannot be opened, even by root
    with capture_logs() as logs:
        assert await store.runs.charge_writer.recover()
    assert [log["event"] for log in logs] == ["locked_file_not_readable"]


async def test_what_is_in_flight_when_the_store_hangs_at_the_end_is_spooled_too(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "SHUTDOWN_SECONDS", 0.05)
    context = await store.start("run-1")
    context.add(charge())
    may_write, transact = asyncio.Event(), store.database._commits._transact

    async def hang(work: Callable[[Connection], list[object]]) -> list[object]:
        await may_write.wait()
        return await transact(work)

    store.database._commits._transact = hang
    ending = asyncio.create_task(store.fail(context))
    await asyncio.sleep(0)
    await store.runs.charge_writer.aclose()
    may_write.set()
    assert await ending  # written after all: and entered once more, which changes nothing
    assert await RunStore(store.database, Spool(tmp_path / "owed")).charge_writer.recover()
    assert await store.rows(select(ledger.c.cost_nanos)) == [(7,)]
    assert set(await store.rows(select(spending.c.cost_nanos))) == {(7,)}


async def test_what_the_end_of_a_loop_cuts_short_is_spooled(store: Store, tmp_path: Path):
    context = await store.start("run-1")
    context.add(charge())
    ending = asyncio.create_task(store.fail(context))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the writer has begun
    assert store.database._commits._task is not None
    store.database._commits._task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    await store.runs.charge_writer.aclose()
    assert await RunStore(store.database, Spool(tmp_path / "owed")).charge_writer.recover()
    assert await store.status("run-1") == "failed"
    assert await store.rows(select(ledger.c.cost_nanos)) == [(7,)]


async def test_what_memory_has_no_room_for_waits_on_disk_and_is_entered_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "MAX_WAITING_RUNS", 2)
    bills = [await store.start(f"run-{number}") for number in range(5)]
    store.away = 5
    for context in bills:
        with pytest.raises(StoreError):
            await store.fail(context)
    assert len(store.runs.charge_writer._kept) == 2
    assert store.runs.charge_writer._retrying is not None
    await store.runs.charge_writer._retrying
    assert {await store.status(context.run_id) for context in bills} == {"failed"}


async def test_a_full_disk_takes_nothing_in_part_and_all_once_it_has_room(store: Store, tmp_path: Path):
    writer = store.runs.charge_writer
    for run_id in ("run-1", "run-2"):
        await store.start(run_id)
    kept = [owed_end(run_id) for run_id in ("run-1", "run-2")]
    writer._spool_or_log(kept[:1])
    (file,) = (tmp_path / "owed").iterdir()
    size = file.stat().st_size
    with full_disk(at_bytes=size + 20), capture_logs() as logs, counted() as growth:
        writer._spool_or_log(kept[1:])
        writer._spool_or_log(kept[1:])
    assert [log["event"] for log in logs] == ["spool_failed", "write_lost", "write_lost"]
    assert growth("vital_local_write_failures_total", file="spool") == 2
    assert file.stat().st_size == size
    writer._spool_or_log(kept[1:])
    assert await writer.settle_all()
    assert {await store.status(run_id) for run_id in ("run-1", "run-2")} == {"failed"}


async def test_a_spool_that_the_disk_does_not_sync_is_entered_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    await store.start("run-1")
    store.runs.charge_writer._spool_or_log([owed_end("run-1")])
    monkeypatch.setattr(os, "fsync", refuse)
    with capture_logs() as logs, counted() as growth:
        assert await store.runs.charge_writer.settle_all()
    assert [log["event"] for log in logs] == ["spool_not_synced", "spool_entered"]
    assert growth("vital_local_write_failures_total", file="spool") == 1
    assert await store.status("run-1") == "failed"


async def test_what_is_spooled_while_earlier_ones_are_entered_is_entered_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    writer, recover = store.runs.charge_writer, store.runs.charge_writer.recover
    for run_id in ("run-1", "run-2"):
        await store.start(run_id)

    async def spool_meanwhile() -> bool:
        is_entered = await recover()
        writer._spool_or_log([owed_end("run-2")])
        return is_entered

    writer._spool_or_log([owed_end("run-1")])
    monkeypatch.setattr(writer, "recover", spool_meanwhile)
    assert not await writer.settle_all()
    monkeypatch.setattr(writer, "recover", recover)
    assert await writer.settle_all()
    assert {await store.status(run_id) for run_id in ("run-1", "run-2")} == {"failed"}


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
