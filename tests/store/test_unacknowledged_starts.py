"""Starts of runs that were committed, while the database's answer was lost and the caller got an error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, func, insert, select
from tests.store.test_runs import NOW, record

from vital_shared.errors import StoreError
from vital_shared.models.limits import TenantLimits
from vital_shared.store.account_tables import reservations
from vital_shared.store.database import Database
from vital_shared.store.group_commit import GroupCommit
from vital_shared.store.idempotency import IdempotencyKey, IdempotencyStore
from vital_shared.store.limits import LimitStore
from vital_shared.store.runs import RunStore
from vital_shared.store.tables import runs as runs_table

KEY = IdempotencyKey("acme", "key-1", "fingerprint")

T = TypeVar("T")


class Cable:
    """The way to a database, cut while the answer to a commit is on it."""

    def __init__(self, database: Database) -> None:
        self._transact = database._transact
        self.loses_next = False
        database._commits = GroupCommit(self.transact)
        database._single_commits = GroupCommit(self.transact, max_writes=1)

    async def transact(self, work: Callable[[Connection], T]) -> T:
        loses, self.loses_next = self.loses_next, False
        result = await self._transact(work)
        if loses:
            raise StoreError("The connection was lost.")
        return result


@pytest.fixture
def cable(database: Database) -> Cable:
    return Cable(database)


async def test_it_is_ended_and_lets_go_of_its_money_and_its_key(database: Database, cable: Cable) -> None:
    await LimitStore(database).set("acme", TenantLimits(daily_dollars=Decimal(5)), now=NOW)
    store = RunStore(database)
    cable.loses_next = True
    with pytest.raises(StoreError, match="lost"):
        await store.start(record("run-1"), lambda: 10, KEY)
    await _written(store)
    async with database.connect() as connection:
        found = (await connection.execute(select(runs_table.c.status, runs_table.c.error_type))).all()
        reserved = (await connection.execute(select(func.count()).select_from(reservations))).scalar_one()
    assert found == [("failed", "store")]
    assert reserved == 0
    assert await IdempotencyStore(database).find(KEY, now=NOW) is None
    await store.start(record("run-2"), lambda: 10, KEY)
    assert await IdempotencyStore(database).find(KEY, now=NOW) == "run-2"


async def test_it_is_ended_also_where_its_caller_has_gone(database: Database, cable: Cable) -> None:
    store = RunStore(database)
    cable.loses_next = True
    await _start_and_leave(store)
    assert (await store.get("run-1", tenant_id=None)).status == "failed"


async def test_it_lets_go_of_what_another_worker_has_reserved_for_it(database: Database) -> None:
    """It is durable, and was taken over before its end was written."""
    store = RunStore(database)
    async with database.begin() as connection:
        row = {"run_id": "run-1", "tenant_id": "acme", "cost_nanos": 10, "expires_at": NOW}
        await connection.execute(insert(reservations).values(row))
    await _start_and_leave(store)
    async with database.connect() as connection:
        reserved = (await connection.execute(select(func.count()).select_from(reservations))).scalar_one()
    assert reserved == 0


async def test_one_whose_commit_was_never_tried_leaves_nothing(database: Database) -> None:
    store = RunStore(database)

    async def away(_work: Callable[[Connection], list[Any]]) -> list[Any]:
        raise StoreError("The database is away.")

    database._commits = GroupCommit(away)
    with pytest.raises(StoreError, match="away"):
        await store.start(record("run-1"))
    assert not store.charge_writer.owed_nanos("acme")
    assert await store.sweep(NOW + timedelta(days=1)) == ()


async def _start_and_leave(store: RunStore) -> None:
    caller = asyncio.create_task(store.start(record("run-1")))
    await asyncio.sleep(0)  # its write is in the queue
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await _written(store)


async def _written(store: RunStore) -> None:
    """Wait until what is written later is written."""
    await store.charge_writer.catch_up()
    await store._database._commits.aclose()
