"""Queued runs and webhooks in the store: begun once, requeued at most five times, sent by one at a time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, text
from tests.store.test_runs import NOW, record

from vital_shared.errors import AlreadyBegun, KeyTaken, QueueFull
from vital_shared.models.limits import TenantLimits
from vital_shared.store.background_runs import BackgroundRunStore, QueueItem
from vital_shared.store.database import Database
from vital_shared.store.idempotency import IdempotencyKey
from vital_shared.store.limits import LimitStore
from vital_shared.store.queue_turns import RUNS_IN_TURN
from vital_shared.store.requeue import MAX_ATTEMPTS, QUEUED_FOR
from vital_shared.store.runs import RunRecord, RunStore
from vital_shared.store.webhook_deliveries import WebhookStore

KEY = IdempotencyKey("acme", "once", "abc")
LATER = NOW + timedelta(minutes=5)


def queued(run_id: str = "run-1", **fields: object) -> RunRecord:
    made = {"status": "queued", "deadline_at": NOW + QUEUED_FOR, "created_at": NOW}
    return record(run_id).model_copy(update=made | fields)


@pytest.fixture
def store(database: Database) -> BackgroundRunStore:
    return BackgroundRunStore(database, max_queued=3)


@pytest.fixture
def runs(database: Database) -> RunStore:
    return RunStore(database, worker="one")


async def begin(runs: RunStore, run_id: str = "run-1") -> None:
    stored = await runs.get(run_id, tenant_id=None, now=NOW)
    await runs.start(stored.model_copy(update={"deadline_at": LATER}), lambda: 5, now=NOW)


async def lose(runs: RunStore, run_id: str = "run-1") -> bool:
    stored = await runs.get(run_id, tenant_id=None, now=NOW)
    return await runs.fail(
        run_id,
        status="failed",
        error_type="shutting_down",
        message="",
        node=None,
        now=NOW,
        fence=runs.fence(stored),
    )


async def test_of_many_who_begin_a_queued_run_one_does(store: BackgroundRunStore, runs: RunStore):
    await store.put([queued()])
    begun = queued(deadline_at=LATER)
    ends = await asyncio.gather(*(runs.start(begun, now=NOW) for _ in range(5)), return_exceptions=True)
    assert all(end is None or isinstance(end, AlreadyBegun) for end in ends)
    assert sum(end is None for end in ends) == 1
    assert (await runs.get("run-1", tenant_id="acme", now=NOW)).status == "running"


async def test_it_is_stored_once_and_its_key_with_it(store: BackgroundRunStore):
    assert await store.put([queued()], KEY) == ("run-1",)
    assert await store.put([queued()]) == ()
    with pytest.raises(KeyTaken):
        await store.put([queued("run-2")], KEY)
    assert await store.statuses(["run-1", "run-2"]) == {"run-1": "queued"}


async def test_a_full_queue_stores_nothing_more_of_its_tenant(store: BackgroundRunStore):
    await store.put([queued(f"run-{n}") for n in range(3)])
    with pytest.raises(QueueFull):
        await store.put([queued("run-4")])
    await store.put([queued("run-5", tenant_id="globex")])
    assert {tenant: depth.runs for tenant, depth in (await store.depths()).items()} == {
        "acme": 3,
        "globex": 1,
    }
    assert [run.run_id for run in await store.list_queued(tenant_id="globex", limit=9)] == ["run-5"]


async def test_a_fault_of_the_engines_own_brings_it_back_five_times(
    store: BackgroundRunStore, runs: RunStore
):
    await store.put([queued()])
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert await store.is_current(QueueItem("run-1", attempt))
        await begin(runs)
        assert await lose(runs) == (attempt == MAX_ATTEMPTS)
    assert (await runs.get("run-1", tenant_id="acme", now=NOW)).status == "failed"


async def test_a_requeued_runs_last_owner_writes_nothing_any_more(store: BackgroundRunStore, runs: RunStore):
    await store.put([queued()])
    await begin(runs)
    before = runs.fence(await runs.get("run-1", tenant_id=None, now=NOW))
    await lose(runs)
    await begin(runs)
    late = {"status": "cancelled", "error_type": "cancelled", "message": "", "node": None, "now": NOW}
    assert not await runs.fail("run-1", **late, fence=before)
    assert (await runs.get("run-1", tenant_id=None, now=NOW)).status == "running"


async def test_each_attempt_reserves_anew(store: BackgroundRunStore, runs: RunStore, database: Database):
    await LimitStore(database).set("acme", TenantLimits(daily_dollars=1), now=NOW)
    await store.put([queued()])
    for _ in range(2):
        await begin(runs)
        await lose(runs)
    async with database.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM reservations"))).scalar() == 0


async def test_one_whose_worker_is_dead_is_requeued_or_cancelled(store: BackgroundRunStore, runs: RunStore):
    await store.put([queued("run-1"), queued("run-2")])
    await begin(runs, "run-1")
    await begin(runs, "run-2")
    await store.request_cancel("run-2")
    assert await store.requeue_lost("run-1", NOW, is_durable=False) is None
    ended = await store.requeue_lost("run-2", NOW, is_durable=False)
    assert ended is not None
    assert await store.statuses(["run-1", "run-2"]) == {"run-1": "queued", "run-2": "cancelled"}


async def test_one_that_waited_too_long_expires(store: BackgroundRunStore, runs: RunStore):
    await store.put([queued()])
    (ended,) = await runs.sweep(NOW + QUEUED_FOR)
    assert (ended.run_id, ended.status) == ("run-1", "expired")


async def test_a_tenant_with_a_long_queue_is_handed_out_in_turn_with_the_others(database: Database):
    store = BackgroundRunStore(database, max_queued=1_000)
    await store.put([queued(f"run-{number}", tenant_id="acme") for number in range(500)])
    late = NOW + timedelta(seconds=1)
    await store.put([queued("late-1", tenant_id="globex", created_at=late)])
    await store.put([queued("late-2", tenant_id="initech", created_at=late)])
    handed_out: list[str] = []
    while found := await store.undispatched([queued().workflow], 10):
        handed_out += (each.tenant_id for each in found)
        await store.note_dispatched([each.item for each in found])
    assert handed_out == ["acme", "globex", "initech", *["acme"] * 499]


async def test_more_tenants_than_a_look_takes_are_handed_out_by_age(database: Database):
    store = BackgroundRunStore(database, max_queued=9)
    for number in reversed(range(7)):
        since = NOW + timedelta(seconds=number)
        await store.put([queued(f"run-{number}", tenant_id=f"tenant-{-number}", created_at=since)])
    found = await store.undispatched([queued().workflow], 5)
    assert [each.item.run_id for each in found] == [f"run-{number}" for number in range(5)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=12), st.integers(1, 5))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_all_are_handed_out_once_in_turn(
    database: Database, waiting: list[tuple[str, int]], limit: int
):
    store = BackgroundRunStore(database, max_queued=99)
    async with database.begin() as connection:
        await connection.execute(text("DELETE FROM runs"))
        await connection.execute(text("DELETE FROM background_runs"))
    for number, (tenant, age) in enumerate(waiting):
        since = NOW - timedelta(seconds=age)
        await store.put([queued(f"run-{number:02}", tenant_id=tenant, created_at=since)])
    handed_out: list[str] = []
    while found := await store.undispatched([queued().workflow], limit):
        handed_out += (each.item.run_id for each in found)
        await store.note_dispatched([each.item for each in found])
    assert sorted(handed_out) == [f"run-{number:02}" for number in range(len(waiting))]
    for tenant in "abc":
        of_tenant = [(-age, n) for n, (name, age) in enumerate(waiting) if name == tenant]
        expected = [f"run-{number:02}" for _, number in sorted(of_tenant)]
        assert [run_id for run_id in handed_out if run_id in expected] == expected


async def test_a_look_for_what_the_queue_does_not_have_reads_indexes_alone(database: Database):
    if database.dialect != "sqlite":
        return  # its planner weighs the size of the table: see test_scans_at_size.py
    async with database.connect() as connection:
        values = {"workflow": "w", "limit": 5, "without": []}
        explained = text(f"EXPLAIN QUERY PLAN {RUNS_IN_TURN.text}").bindparams(
            bindparam("without", expanding=True)
        )
        rows = await connection.execute(explained, values)
        plan = [row[-1] for row in rows]
    assert [line for line in plan if line.startswith(("SCAN n", "SCAN b"))] == []
    assert sum("ix_background_runs_turns" in line for line in plan) == 4, plan


async def test_what_the_queue_has_lost_is_dispatched_again(store: BackgroundRunStore):
    await store.put([queued()])
    (found,) = await store.undispatched([queued().workflow], 9)
    await store.note_dispatched([found.item])
    assert await store.undispatched([queued().workflow], 9) == ()
    await store.redispatch(NOW, 9)
    assert await store.undispatched([queued().workflow], 9) == ()
    await store.redispatch(NOW + timedelta(seconds=1), 9)
    assert await store.undispatched([queued().workflow], 9) == (found,)


async def test_a_webhook_is_due_once_its_run_has_ended_and_for_one_sender(
    store: BackgroundRunStore, runs: RunStore, database: Database, other: Database
):
    await store.put([queued()], None, "https://example.com/hook")
    senders = WebhookStore(database), WebhookStore(other)
    await senders[0].arm(NOW)
    assert await senders[0].take_due(NOW, 9, tenant_limit=9) == ()
    await runs.cancel_waiting("run-1", tenant_id="acme", now=NOW)
    await senders[0].arm(NOW, ended_since=NOW - timedelta(minutes=1))
    taken = await asyncio.gather(*(senders[n % 2].take_due(NOW, 9, tenant_limit=9) for n in range(6)))
    (due,) = (each for found in taken for each in found)
    assert (due.run_id, due.status, due.attempts) == ("run-1", "cancelled", 1)
    assert await senders[1].take_due(NOW + timedelta(seconds=59), 9, tenant_limit=9) == ()
    (again,) = await senders[1].take_due(NOW + timedelta(seconds=61), 9, tenant_limit=9)
    assert (again.id, again.attempts) == (due.id, 2)
