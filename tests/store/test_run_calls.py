"""The calls of durable runs: stored before they leave, carried over to the next worker, and entered once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update
from tests.run_record import run_record

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import RunTakenOver, StoreError, WriteRefused
from vital_shared.models.charge import Charge
from vital_shared.models.limits import TenantLimits
from vital_shared.models.model_call import Tokens
from vital_shared.models.workflow_io import Cost, Timings, WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.store.account_tables import ledger, reservations, spending
from vital_shared.store.call_log import SETTLE_SECONDS, StoredCallLog
from vital_shared.store.database import Database
from vital_shared.store.dead_letter_table import dead_letters
from vital_shared.store.durable_tables import run_calls, workers
from vital_shared.store.limits import LimitStore
from vital_shared.store.orphan_runs import TakenRun
from vital_shared.store.run_record import RunRecord
from vital_shared.store.runs import RunStore
from vital_shared.store.tables import runs
from vital_shared.testing import counted

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
QUESTION = WorkflowInput(query="?", mode=WorkflowMode.MODE_2, tenant_id="acme", user_id="ann")

PAUSED = WorkflowOutput(
    run_id="run_1",
    mode=WorkflowMode.MODE_2,
    tenant_id="acme",
    agent_id="expert",
    status="awaiting_approval",
    response="",
    cost=Cost(),
    timings=Timings(total_seconds=1.0),
    cache_status="bypass",
)


class CallingWorker:
    """A worker of one run, whose lease is over from the start."""

    def __init__(self, database: Database, name: str) -> None:
        self.name = name
        self.database = database
        self.runs = RunStore(database, worker=name)
        self.log: StoredCallLog
        self.context: RunContext
        self.record: RunRecord

    async def begin(self, max_cost_nanos: int = 100) -> None:
        await self._register()
        record = run_record(QUESTION, NOW, "run_1").model_copy(update={"is_durable": True})
        await self.runs.start(record, lambda: max_cost_nanos)
        self.work_on(record)

    async def take_over(self) -> TakenRun:
        await self._register()
        (orphan,) = await self.runs.orphans.find()
        taken = await self.runs.take_over(orphan, deadline_at=LATER)
        assert taken is not None
        self.work_on(taken.record, taken.calls.charges)
        return taken

    def work_on(self, record: RunRecord, carried: tuple[Charge, ...] = ()) -> None:
        fence = self.runs.fence(record)
        self.record = record
        self.context = RunContext(record.id, record.input, epoch=record.epoch, fence=fence, carried=carried)
        self.log = self.context.call_log = self.runs.call_log(self.context, fence)

    async def end(self) -> bool:
        return await self.runs.fail(
            self.record.id,
            status="failed",
            error_type="model",
            message="No.",
            node=None,
            now=NOW,
            context=self.context,
            fence=self.context.fence,
        )

    async def pause(self) -> bool:
        return await self.runs.pause(
            self.record.id,
            checkpoint={},
            output=PAUSED,
            last_seq=1,
            expires_at=LATER,
            now=NOW,
            context=self.context,
            fence=self.context.fence,
        )

    async def _register(self) -> None:
        async with self.database.begin() as connection:
            values = {"id": self.name, "host": "h", "started_at": NOW, "lease_until": 1.0}
            await connection.execute(workers.insert().values(values))


@pytest.fixture
def dead(database: Database) -> CallingWorker:
    return CallingWorker(database, "dead")


@pytest.fixture
def alive(other: Database) -> CallingWorker:
    return CallingWorker(other, "alive")


def charge(item: str, nanos: int = 7, *, estimated: bool = False) -> Charge:
    tokens = Tokens(input=nanos, estimated=estimated)
    return Charge(item=item, cost_type="llm", name="m", status="success", cost_nanos=nanos, tokens=tokens)


def expected(item: str, nanos: int) -> Charge:
    return charge(item, nanos, estimated=True).model_copy(update={"status": "cancelled"})


async def entered(database: Database) -> list[tuple[str, int, bool]]:
    statement = select(ledger.c.item, ledger.c.cost_nanos, ledger.c.estimated).order_by(ledger.c.item)
    async with database.connect() as connection:
        return [tuple(row) for row in await connection.execute(statement)]


async def one(database: Database, column: object) -> object:
    async with database.connect() as connection:
        return (await connection.execute(select(column))).scalars().first()  # type: ignore[call-overload]


async def left(database: Database) -> int:
    async with database.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(run_calls))).scalar_one()


async def test_a_call_that_has_ended_is_carried_exactly_though_nothing_follows_it(
    database: Database, dead: CallingWorker, alive: CallingWorker
) -> None:
    await dead.begin()
    await dead.context.announce(expected("llm/1", 50))
    await asyncio.to_thread(dead.context.add, charge("llm/1", 7))
    async with asyncio.timeout(10):
        while dead.context.unlogged:  # noqa: ASYNC110 - nothing is signalled
            await asyncio.sleep(0.01)
    (carried,) = (await alive.take_over()).calls.charges
    assert (carried.item, carried.cost_nanos, carried.tokens.estimated) == ("llm/1", 7, False)


async def test_a_run_that_ends_at_once_stores_its_charges_once(
    database: Database, dead: CallingWorker
) -> None:
    await dead.begin()
    await dead.context.announce(expected("llm/1", 50))
    dead.context.add(charge("llm/1", 7))
    assert await dead.end()
    dead.context.call_log = None  # as the end of an execution does
    await asyncio.sleep(2 * SETTLE_SECONDS)
    await database.put(lambda _: None)
    assert await entered(database) == [("llm/1", 7, False)]
    assert await left(database) == 0


async def test_known_charges_are_carried_as_they_are_and_cut_calls_as_estimates(
    database: Database, dead: CallingWorker, alive: CallingWorker
) -> None:
    await dead.begin()
    await dead.context.announce(expected("llm/1", 50))
    dead.context.add(charge("llm/1", 7))
    await dead.context.announce(expected("llm/2", 30))  # the first one's charge goes along
    dead.context.expect(expected("llm/2", 40))  # more of its answer has come
    await database.put(lambda _: None)
    assert await entered(database) == []

    taken = await alive.take_over()
    assert {(each.item, each.cost_nanos, each.tokens.estimated) for each in taken.calls.charges} == {
        ("llm/1", 7, False),
        ("llm/2", 40, True),
    }
    assert alive.context.nanos() == 47
    assert alive.context.next_item("llm") == "llm/1.3"
    with counted() as growth:
        assert await alive.end()
    assert await entered(database) == [("llm/1", 7, False), ("llm/2", 40, True)]
    assert growth("vital_cost_overall_dollars_total") == pytest.approx(47e-9)
    assert await one(database, spending.c.cost_nanos) == 47
    assert await left(database) == 0


async def test_a_second_death_changes_no_charge(
    database: Database, dead: CallingWorker, alive: CallingWorker
) -> None:
    await dead.begin()
    await dead.context.announce(expected("llm/1", 40))
    first = await CallingWorker(database, "second").take_over()
    second = await alive.take_over()
    assert second.calls == first.calls
    assert await alive.end()
    assert await entered(database) == [("llm/1", 40, True)]


async def test_a_stale_worker_announces_nothing_and_charges_nothing(
    database: Database, dead: CallingWorker, alive: CallingWorker
) -> None:
    await dead.begin()
    await dead.context.announce(expected("llm/1", 40))
    await alive.take_over()
    with pytest.raises(RunTakenOver, match="no longer this worker's"):
        await dead.context.announce(expected("llm/2", 30))
    with pytest.raises(RunTakenOver):
        await dead.log.begin_effect("sent")
    dead.context.add(charge("llm/1", 9))  # the answer came all the same
    assert not await dead.end()
    assert await entered(database) == []
    assert await alive.end()
    assert await entered(database) == [("llm/1", 40, True)]


async def test_what_is_reserved_passes_over_and_bounds_the_estimates(
    database: Database, dead: CallingWorker, alive: CallingWorker
) -> None:
    await LimitStore(database).set("acme", TenantLimits(daily_dollars=1), now=NOW)
    await dead.begin(max_cost_nanos=100)
    await dead.context.announce(expected("llm/1", 30))
    dead.context.add(charge("llm/1", 30))
    await dead.context.announce(expected("llm/2", 60))
    await dead.context.announce(expected("llm/3", 60))
    taken = await alive.take_over()
    assert sum(each.cost_nanos for each in taken.calls.charges) == 100
    assert await one(database, reservations.c.cost_nanos) == 100
    assert await one(database, reservations.c.expires_at) == LATER
    assert alive.runs.has_budget("run_1")
    assert await alive.end()
    assert await one(database, reservations.c.cost_nanos) is None
    assert await one(database, spending.c.cost_nanos) == 100


async def test_a_run_that_nobody_goes_on_with_pays_for_its_calls(
    database: Database, dead: CallingWorker, alive: CallingWorker
) -> None:
    await LimitStore(database).set("acme", TenantLimits(daily_dollars=1), now=NOW)
    await dead.begin(max_cost_nanos=100)
    await dead.context.announce(expected("llm/1", 50))
    dead.context.add(charge("llm/1", 7))
    await dead.context.announce(expected("llm/2", 200))
    with counted() as growth:
        (ended,) = await alive.runs.sweep(dead.record.deadline_at)
    assert ended.status == "failed"
    assert await entered(database) == [("llm/1", 7, False), ("llm/2", 93, True)]
    assert growth("vital_cost_overall_dollars_total") == pytest.approx(100e-9)
    assert await one(database, spending.c.cost_nanos) == 100
    assert await left(database) == 0
    assert await alive.runs.sweep(dead.record.deadline_at) == ()


async def test_a_run_that_is_given_up_pays_for_its_calls(
    database: Database, dead: CallingWorker, alive: CallingWorker
) -> None:
    await LimitStore(database).set("acme", TenantLimits(daily_dollars=1), now=NOW)
    await dead.begin(max_cost_nanos=100)
    await dead.context.announce(expected("llm/1", 200))
    await dead.log.begin_effect("sent")
    (orphan,) = await alive.runs.orphans.find()
    assert await alive.runs.give_up(orphan, "It was given up.", NOW) is not None
    assert await entered(database) == [("llm/1", 100, True)]
    assert await one(database, spending.c.cost_nanos) == 100
    assert await one(database, reservations.c.cost_nanos) is None
    assert await left(database) == 0


async def test_an_end_that_comes_after_the_run_was_called_lost_charges_nothing_twice(
    database: Database, dead: CallingWorker, alive: CallingWorker
) -> None:
    await dead.begin()
    await dead.context.announce(expected("llm/1", 50))
    await alive.runs.sweep(dead.record.deadline_at)
    dead.context.add(charge("llm/1", 7))
    await dead.end()
    assert await entered(database) == [("llm/1", 50, True)]
    assert await one(database, spending.c.cost_nanos) == 50


async def test_effects_that_have_begun_are_known_to_the_next_worker(
    database: Database, dead: CallingWorker, alive: CallingWorker
) -> None:
    await dead.begin()
    await dead.log.begin_effect("sent")
    taken = await alive.take_over()
    queued = await alive.runs.taken(taken.record)
    assert taken.calls.effects == queued.calls.effects == {"sent"}
    assert taken.calls.charges == ()
    assert await alive.end()
    assert await left(database) == 0


async def test_a_call_that_the_store_does_not_take_in_time_is_not_made_nor_paid(
    database: Database, dead: CallingWorker, alive: CallingWorker
) -> None:
    await dead.begin()
    database.wait_seconds = 0.05
    async with alive.database.begin() as connection:  # on SQLite it locks the file, on Postgres the row
        await connection.execute(update(runs).values(last_seq=1))
        with pytest.raises(StoreError, match="so it was not begun"):
            await dead.context.announce(expected("llm/1", 50))
    database.wait_seconds = 30.0
    await database.put(lambda _: None)
    assert (await alive.take_over()).calls.charges == ()


async def test_a_call_waits_for_a_store_that_refuses_for_a_while(
    database: Database, dead: CallingWorker, alive: CallingWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await dead.begin()
    put, refusals = database.put, [StoreError("it only reads"), StoreError("it is away")]

    def refusing(*write: object, **options: object) -> asyncio.Future[object]:
        if not refusals:
            return put(*write, **options)  # type: ignore[arg-type]
        refused = asyncio.get_running_loop().create_future()
        refused.set_exception(refusals.pop())
        return refused

    monkeypatch.setattr(database, "put", refusing)
    await dead.context.announce(expected("llm/1", 50))
    refusals.append(StoreError("it is full"))
    await dead.log.begin_effect("sent")
    taken = await alive.take_over()
    assert [each.item for each in taken.calls.charges] == ["llm/1"]
    assert taken.calls.effects == {"sent"}


async def test_a_call_that_the_store_refuses_for_good_is_not_tried_again(
    database: Database, dead: CallingWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await dead.begin()
    attempts = []

    def refuse(*_: object, **__: object) -> asyncio.Future[object]:
        attempts.append(1)
        refused = asyncio.get_running_loop().create_future()
        refused.set_exception(WriteRefused("no such column"))
        return refused

    with monkeypatch.context() as broken:
        broken.setattr(database, "put", refuse)
        with pytest.raises(WriteRefused):
            await dead.log.begin_effect("sent")
    assert attempts == [1]


async def test_a_charge_that_can_never_be_entered_is_set_aside_once(
    database: Database, dead: CallingWorker, alive: CallingWorker
) -> None:
    await dead.begin()
    await dead.context.announce(expected("llm/1", 50))
    await dead.context.announce(expected("llm/2", 50))
    async with database.begin() as connection:  # more than the ledger takes
        poisoned = expected("llm/2", 50).model_copy(update={"tokens": Tokens(input=2**62)})
        text = poisoned.to_json().replace(str(2**62), str(2**70))
        row = (run_calls.c.item == "llm/2",)
        await connection.execute(update(run_calls).where(*row).values(charge=text, is_final=True))
    for _ in range(2):
        await alive.runs.sweep(dead.record.deadline_at)
    assert await entered(database) == [("llm/1", 50, True)]
    assert await left(database) == 0
    async with database.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(dead_letters))).scalar_one() == 1


async def test_a_pause_with_a_charge_that_can_never_be_entered_keeps_the_others(
    database: Database, dead: CallingWorker
) -> None:
    await dead.begin()
    dead.context.add(charge("llm/1", 7))
    dead.context.add(charge("llm/2", 7).model_copy(update={"cost_nanos": 2**70}))
    assert await dead.pause()
    assert await dead.runs.charge_writer.settle_all()
    assert await entered(database) == [("llm/1", 7, False)]
    assert await one(database, dead_letters.c.run_id) == "run_1"
    assert await one(database, runs.c.status) == "awaiting_approval"
