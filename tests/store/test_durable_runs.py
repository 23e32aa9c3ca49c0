"""Durable runs in the store: owned by a worker under a lease, taken over by another, and fenced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from structlog.testing import capture_logs
from tests.run_record import run_record

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import StoreError
from vital_shared.models.charge import Charge
from vital_shared.models.workflow_io import Cost, Timings, WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.settings import MAX_LEASE_SECONDS
from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database
from vital_shared.store.durable_tables import run_calls, run_nodes, workers
from vital_shared.store.journal import Journal
from vital_shared.store.run_record import RunRecord
from vital_shared.store.runs import RunStore
from vital_shared.store.settlement import Settlement, payer_of
from vital_shared.store.worker_lease import WorkerLease

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
QUESTION = WorkflowInput(query="?", mode=WorkflowMode.MODE_2, tenant_id="acme", user_id="ann")
CHARGE = Charge(item="llm/1", cost_type="llm", name="m", status="success", cost_nanos=5)


class Worker:
    """A worker with a lease; its clock is its own, so that it can stand still."""

    def __init__(self, database: Database, url: str, seconds: float = 60) -> None:
        self.now = 0.0
        self.lease = WorkerLease(url, seconds=seconds, clock=lambda: self.now)
        self.runs = RunStore(database, worker=self.lease.id)

    async def start(self, run_id: str = "run_1", *, is_durable: bool = True) -> RunRecord:
        await self.lease.hold()
        record = run_record(QUESTION, NOW, run_id).model_copy(update={"is_durable": is_durable})
        await self.runs.start(record)
        return record

    def context(self, record: RunRecord) -> RunContext:
        return RunContext(record.id, record.input, fence=self.runs.fence(record))

    async def note(self, record: RunRecord, context: RunContext | None = None, **finished: str) -> bool:
        fence = self.runs.fence(record)
        return await self.runs.note_nodes(record.id, fence, finished, context=context)

    async def fail(self, record: RunRecord, context: RunContext | None = None) -> bool:
        return await self.runs.fail(
            record.id,
            status="failed",
            error_type="model",
            message="No.",
            node=None,
            now=NOW,
            context=context or self.context(record),
            fence=self.runs.fence(record),
        )


@pytest.fixture
async def dead(database: Database, url: str) -> AsyncIterator[Worker]:
    worker = Worker(database, url)
    yield worker
    await worker.lease.aclose()


@pytest.fixture
async def alive(other: Database, url: str) -> AsyncIterator[Worker]:
    worker = Worker(other, url)
    await worker.lease.hold()
    yield worker
    await worker.lease.aclose()


async def let_lease_expire(database: Database, worker: Worker, until: float = 1.0) -> None:
    statement = update(workers).where(workers.c.id == worker.lease.id).values(lease_until=until)
    async with database.begin() as connection:
        await connection.execute(statement)


async def take_over(worker: Worker) -> RunRecord:
    (orphan,) = await worker.runs.orphans.find()
    taken = await worker.runs.take_over(orphan, deadline_at=LATER)
    assert taken is not None
    return taken.record


async def count(database: Database, table: object) -> int:
    async with database.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_the_run_of_a_worker_that_holds_its_lease_is_left_to_it(dead: Worker, alive: Worker):
    await dead.start()
    assert await alive.runs.orphans.find() == ()


async def test_a_run_is_taken_over_with_its_finished_nodes_when_the_lease_is_over(
    database: Database, dead: Worker, alive: Worker
):
    record = await dead.start()
    assert await dead.note(record, load_agent='{"a":1}', passages='{"b":2}')
    await let_lease_expire(database, dead)
    (orphan,) = await alive.runs.orphans.find()
    assert (orphan.run_id, orphan.workflow, orphan.plan, orphan.takeovers) == ("run_1", "w", "p", 0)
    taken = await alive.runs.take_over(orphan, deadline_at=LATER)
    assert taken is not None
    assert taken.finished == {"load_agent": '{"a":1}', "passages": '{"b":2}'}
    assert (taken.record.epoch, taken.record.takeovers, taken.record.deadline_at) == (1, 1, LATER)
    assert await alive.runs.orphans.find() == ()


async def test_a_run_that_is_not_durable_is_not_taken_over(database: Database, dead: Worker, alive: Worker):
    await dead.start(is_durable=False)
    await let_lease_expire(database, dead)
    assert await alive.runs.orphans.find() == ()


async def test_of_many_that_take_a_run_over_one_gets_it(database: Database, dead: Worker, alive: Worker):
    await dead.start()
    await let_lease_expire(database, dead)
    (orphan,) = await alive.runs.orphans.find()
    stores = [RunStore(database, worker=f"w{number}") for number in range(4)]
    taken = await asyncio.gather(*(store.take_over(orphan, deadline_at=LATER) for store in stores))
    assert sum(each is not None for each in taken) == 1


async def test_a_worker_that_has_renewed_its_lease_meanwhile_keeps_the_run(
    database: Database, dead: Worker, alive: Worker
):
    await dead.start()
    await let_lease_expire(database, dead)
    (orphan,) = await alive.runs.orphans.find()
    await let_lease_expire(database, dead, until=9e9)
    assert await alive.runs.take_over(orphan, deadline_at=LATER) is None


async def test_a_worker_whose_own_lease_is_over_takes_no_run_of_one_that_may_live(
    database: Database, dead: Worker, alive: Worker
):
    """When the store's clock is set forward, all leases are over, and each worker still thinks it has one."""
    await dead.start()
    for worker in (dead, alive):
        await let_lease_expire(database, worker, until=1_000.0)
    (orphan,) = await alive.runs.orphans.find()
    assert await alive.runs.take_over(orphan, deadline_at=LATER) is None
    await let_lease_expire(database, alive, until=9e9)
    assert await alive.runs.take_over(orphan, deadline_at=LATER) is not None


async def test_no_run_is_given_up_that_is_still_its_workers(database: Database, dead: Worker, alive: Worker):
    await dead.start()
    await let_lease_expire(database, dead)
    (orphan,) = await alive.runs.orphans.find()
    await let_lease_expire(database, dead, until=9e9)  # it has renewed its lease meanwhile
    assert await alive.runs.give_up(orphan, "It was given up.", NOW) is None
    for worker in (dead, alive):  # the store's clock was set forward
        await let_lease_expire(database, worker, until=1_000.0)
    (orphan,) = await alive.runs.orphans.find()
    assert await alive.runs.give_up(orphan, "It was given up.", NOW) is None
    await let_lease_expire(database, alive, until=9e9)
    ended = await alive.runs.give_up(orphan, "It was given up.", NOW)
    assert ended is not None
    assert ended.status == "failed"


async def test_a_lease_that_a_clock_which_was_set_back_has_made_long_is_shortened(
    database: Database, dead: Worker, alive: Worker
):
    """A dead worker's lease would last for an hour more; one that lives renews its own in time."""
    await dead.start()
    now = datetime.now(UTC).timestamp()
    for worker in (dead, alive):
        await let_lease_expire(database, worker, until=now + 3_600)
    with capture_logs() as logs:
        assert await alive.runs.orphans.find() == ()
        assert await alive.runs.orphans.find() == ()
    assert [(line["event"], line["workers"]) for line in logs] == [("worker_leases_shortened", 2)]
    async with database.connect() as connection:
        ends = list(await connection.scalars(select(workers.c.lease_until)))
    assert all(now < end < now + MAX_LEASE_SECONDS + 30 for end in ends)


async def test_what_a_worker_writes_of_a_run_that_was_taken_over_is_refused(
    database: Database, dead: Worker, alive: Worker
):
    record = await dead.start()
    context = dead.context(record)
    await let_lease_expire(database, dead)
    taken = await take_over(alive)
    context.add(CHARGE)
    assert not await dead.note(record, context, answer='"stale"')
    assert not await dead.fail(record, context)
    waiting = WorkflowOutput(
        run_id=record.id,
        status="awaiting_approval",
        mode=WorkflowMode.MODE_1,
        tenant_id="acme",
        agent_id="expert",
        response="",
        cost=Cost(),
        timings=Timings(total_seconds=1.0),
    )
    assert not await dead.runs.pause(
        record.id,
        checkpoint={},
        output=waiting,
        last_seq=1,
        expires_at=LATER,
        now=NOW,
        context=context,
        fence=dead.runs.fence(record),
    )
    assert await count(database, run_nodes) == await count(database, ledger) == 0
    found = await alive.runs.get(record.id, tenant_id=None, now=NOW)
    assert (found.status, found.epoch) == ("running", 1)
    assert await alive.note(taken, answer='"right"')
    assert await alive.fail(taken)


async def test_a_stale_charge_that_waited_for_the_store_is_refused_too(
    database: Database, dead: Worker, alive: Worker
):
    record = await dead.start()
    context = dead.context(record)
    context.add(CHARGE)
    await let_lease_expire(database, dead)
    await take_over(alive)
    settlement = Settlement(
        run_id=record.id,
        payer=payer_of(QUESTION, "w"),
        at=NOW,
        charges=context.charges,
        fence=context.fence,
    )
    kept = Settlement.model_validate_json(settlement.to_json())
    dead.runs.charge_writer.write_later(kept, lambda: None)
    await dead.runs.charge_writer.aclose()
    assert await count(database, ledger) == 0


async def test_finished_nodes_come_with_their_charges_and_go_with_the_run(database: Database, alive: Worker):
    record = await alive.start()
    context = alive.context(record)
    context.add(CHARGE)
    assert await alive.note(record, context, answer='"yes"')
    assert context.unlogged == ()
    assert await count(database, run_nodes) == await count(database, run_calls) == 1
    assert await alive.fail(record, context)
    assert await count(database, run_nodes) == await count(database, run_calls) == 0
    assert await count(database, ledger) == 1
    assert not await alive.note(record, answer='"too late"')
    assert await count(database, run_nodes) == 0


async def test_an_overdue_run_leaves_no_finished_nodes_behind(database: Database, alive: Worker):
    record = await alive.start()
    await alive.note(record, answer='"yes"')
    assert len(await alive.runs.sweep(record.deadline_at)) == 1
    assert await count(database, run_nodes) == 0


async def test_a_lease_that_was_given_up_is_no_death(database: Database, dead: Worker, alive: Worker):
    await dead.start()
    await dead.lease.aclose(gives_up=True)
    assert not dead.lease.is_held
    (orphan,) = await alive.runs.orphans.find()
    assert orphan.was_given_up
    assert (await take_over(alive)).takeovers == 0


async def test_a_run_that_a_dead_process_has_in_its_journal_is_left_to_be_taken_over(
    database: Database, url: str, tmp_path: Path, alive: Worker
):
    dead = Worker(database, url)
    dead.runs = RunStore(database, journal=Journal(tmp_path), worker=dead.lease.id)
    record = await dead.start()
    dead.runs.journal.note(record.id, CHARGE)
    assert dead.runs.journal._file is not None
    dead.runs.journal._file.close()
    await dead.lease.aclose()
    assert await RunStore(database, journal=Journal(tmp_path)).end_lost(NOW) == ()
    assert (await alive.runs.get(record.id, tenant_id=None, now=NOW)).status == "running"
    assert await count(database, ledger) == 1


async def test_workers_that_have_left_no_run_are_forgotten(database: Database, dead: Worker, alive: Worker):
    record = await dead.start()
    await let_lease_expire(database, dead)
    await alive.runs.orphans.forget_workers()
    assert await count(database, workers) == 2
    await alive.fail(await take_over(alive))
    await alive.runs.orphans.forget_workers()
    assert await count(database, workers) == 1
    assert record.epoch == 0


async def test_a_worker_takes_over_only_when_it_has_held_its_lease_for_its_length(
    alive: Worker,
):
    assert alive.lease.is_held
    assert not alive.lease.may_take_over
    alive.now = 59.0
    assert not alive.lease.may_take_over


async def test_a_worker_that_stood_still_renews_its_lease_and_learns_what_it_has_lost(
    database: Database, url: str, alive: Worker
):
    frozen = Worker(database, url)
    lost: list[str] = []
    kept, taken = await frozen.start("run_1"), await frozen.start("run_2")
    owned = {
        record.id: frozen.lease.own(
            record.id, frozen.runs.fence(record), lambda record=record: lost.append(record.id)
        )
        for record in (kept, taken)
    }
    assert all(each.is_held for each in owned.values())
    await let_lease_expire(database, frozen)
    frozen.now += 100  # it stood still
    assert not any(each.is_held for each in owned.values())
    orphans = {each.run_id: each for each in await alive.runs.orphans.find()}
    assert await alive.runs.take_over(orphans["run_2"], deadline_at=LATER) is not None
    await frozen.lease._renew(database)
    assert lost == ["run_2"]
    assert owned["run_1"].is_held
    assert not owned["run_2"].is_held
    await frozen.lease.aclose()


async def test_a_worker_that_may_have_stood_still_keeps_its_row(
    database: Database, dead: Worker, alive: Worker
):
    await dead.lease.hold()
    await let_lease_expire(database, dead, until=datetime.now(UTC).timestamp() - 60)
    await alive.runs.orphans.forget_workers()
    assert await count(database, workers) == 2


async def test_after_the_store_was_away_each_worker_gets_the_time_to_renew_its_lease_first(
    database: Database, dead: Worker, alive: Worker
):
    await dead.start()
    for moment in (30.0, 61.0):  # its lease lasts for 60 seconds
        alive.now = moment
        await alive.lease._renew(database)
    assert alive.lease.may_take_over
    for worker in (dead, alive):  # nobody could renew
        await let_lease_expire(database, worker)
    await alive.lease._renew(database)
    assert alive.lease.is_held
    assert not alive.lease.may_take_over
    await dead.lease._renew(database)
    assert await alive.runs.orphans.find() == ()


async def test_an_end_that_waits_for_the_store_is_no_end_of_a_run_that_was_taken_over(
    database: Database, dead: Worker, alive: Worker, monkeypatch: pytest.MonkeyPatch
):
    record = await dead.start()
    context = dead.context(record)

    async def away(*_: object, **__: object) -> None:
        raise StoreError("The store is away.")

    with monkeypatch.context() as patch:
        patch.setattr(database._commits, "_transact", away)
        with pytest.raises(StoreError):
            await dead.fail(record, context)
    assert dead.runs.charge_writer.waiting_end(record.id) is not None
    assert (await dead.runs.get(record.id, tenant_id=None, now=NOW)).status == "failed"
    await let_lease_expire(database, dead)
    await take_over(alive)
    assert (await dead.runs.get(record.id, tenant_id=None, now=NOW)).status == "running"
    await dead.runs.charge_writer.aclose()
    assert (await alive.runs.get(record.id, tenant_id=None, now=NOW)).status == "running"
