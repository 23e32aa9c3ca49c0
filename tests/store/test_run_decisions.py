"""Decisions are stored with the resumption that they belong to, and only ever added to; SQLite and Postgres."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from tests.store.test_runs import LATER, NOW, pause, paused

from vital_shared.errors import AlreadyResumed, BudgetExceeded, KeyTaken, StoreError
from vital_shared.models.limits import TenantLimits
from vital_shared.models.run_decision import RunDecision
from vital_shared.store.database import Database
from vital_shared.store.idempotency import IdempotencyKey
from vital_shared.store.limits import LimitStore
from vital_shared.store.runs import RunStore

KEY = IdempotencyKey("acme", "once", "abc")


@pytest.fixture
def runs(database: Database) -> RunStore:
    return RunStore(database)


def decided(name: str, **fields: object) -> RunDecision:
    made = {"kind": "answered", "subject": name, "at": NOW, "user_id": "ann", "key_id": "k1"}
    return RunDecision(**made | {"answer": {"text": "ü\x00", "parts": [1, 2.5, None]}} | fields)


EDIT = decided(
    "call-1", kind="edited", tool="weigh", arguments={"a": 1}, suggested_arguments={"a": 2}, answer=None
)


async def claim(store: RunStore, *decisions: RunDecision, key: IdempotencyKey | None = None) -> None:
    await store.claim(
        "run-1",
        tenant_id="acme",
        now=NOW,
        deadline_at=LATER,
        decisions=decisions,
        key=key,
        max_cost_nanos=lambda: 5,
    )


async def test_they_are_read_back_in_order_over_several_resumptions(runs: RunStore):
    await paused(runs)
    assert await runs.decisions("run-1") == ()
    await claim(runs, decided("b"), EDIT)
    await pause(runs)
    await claim(runs, decided("a"))
    assert await runs.decisions("run-1") == (decided("b"), EDIT, decided("a"))
    assert await runs.decisions("run-2") == ()


async def test_of_many_at_once_the_winners_alone_are_stored(database: Database, other: Database):
    stores = RunStore(database), RunStore(other)
    await paused(stores[0])
    ends = await asyncio.gather(
        *(claim(stores[n % 2], decided(f"by-{n}"), decided("x")) for n in range(10)), return_exceptions=True
    )
    assert sum(isinstance(end, AlreadyResumed) for end in ends) == 9
    winner = next(n for n, end in enumerate(ends) if end is None)
    assert [each.subject for each in await stores[1].decisions("run-1")] == [f"by-{winner}", "x"]


async def test_a_refused_resumption_stores_nothing(runs: RunStore, database: Database):
    await paused(runs)
    await LimitStore(database).set("acme", TenantLimits(daily_dollars=0), now=NOW)
    with pytest.raises(BudgetExceeded):
        await claim(runs, decided("a"), key=KEY)
    assert await runs.decisions("run-1") == ()
    await LimitStore(database).set("acme", TenantLimits(daily_dollars=1), now=NOW)
    await claim(runs, decided("a"), key=KEY)
    assert len(await runs.decisions("run-1")) == 1


async def test_a_key_that_stands_for_another_run_refuses_the_resumption(runs: RunStore):
    await paused(runs)
    await claim(runs, key=KEY)
    await pause(runs)
    with pytest.raises(KeyTaken):
        await claim(runs, decided("a"), key=KEY)
    assert await runs.decisions("run-1") == ()
    assert (await runs.get("run-1", tenant_id="acme", now=NOW)).status == "awaiting_approval"


async def test_what_another_version_stored_is_one_sentence(runs: RunStore, database: Database):
    await paused(runs)
    await claim(runs, decided("a"))
    async with database.begin() as connection:
        await connection.execute(text("UPDATE run_decisions SET decision = '{}'"))
    with pytest.raises(StoreError, match="A stored RunDecision cannot be read"):
        await runs.decisions("run-1")


async def test_they_go_with_their_run(runs: RunStore, database: Database):
    await paused(runs)
    await claim(runs, decided("a"))
    async with database.begin() as connection:
        await connection.execute(text("DELETE FROM runs"))
    assert await runs.decisions("run-1") == ()
