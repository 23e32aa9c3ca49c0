"""A database that stands still is waited for, for a bounded time, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import make_url, text
from tests.store.freezing import frozen_postgres, frozen_sqlite
from tests.store.test_runs import NOW, record

from vital_shared.errors import StoreError
from vital_shared.store.agents import AgentStore
from vital_shared.store.database import Database
from vital_shared.store.runs import RunStore

WAIT_SECONDS = 1.0
ENDLESS_SECONDS = 15.0
"""Far more than a stall takes, whatever else this machine does."""
REQUESTS = 40
"""More than there are connections."""


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url, wait_seconds=WAIT_SECONDS)
    await database.migrate()
    yield database
    await database.aclose()


@pytest.fixture
def freeze(url: str, request: pytest.FixtureRequest):
    """Stop the database, and let it go on."""

    def frozen() -> AbstractContextManager[None]:
        if url.startswith("sqlite"):
            return frozen_sqlite(make_url(url).database)
        return frozen_postgres(request.getfixturevalue("postgres").pgdata)

    return frozen


async def failures(*attempts) -> list[object]:
    async with asyncio.timeout(ENDLESS_SECONDS):
        return await asyncio.gather(*attempts, return_exceptions=True)


async def read(database: Database) -> None:
    async with database.connect() as connection:
        await connection.execute(text("SELECT count(*) FROM runs"))


async def write(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(text("DELETE FROM runs WHERE id = 'none'"))


async def test_readers_do_not_wait_for_a_locked_file(database: Database, freeze):
    with freeze():
        found = await failures(read(database))
    assert [type(error) for error in found] == [type(None) if database.dialect == "sqlite" else StoreError]


async def test_a_statement_that_a_frozen_server_does_not_end_is_given_up_with_its_connection(
    database: Database, freeze
):
    async def held() -> None:
        async with database.connect() as connection:
            with freeze():
                await connection.execute(text("SELECT count(*) FROM runs"))

    found = await failures(held())
    assert [type(error) for error in found] == [type(None) if database.dialect == "sqlite" else StoreError]
    await read(database)
    assert database.connections[1] == 0


@pytest.mark.parametrize("attempt", [read, write])
async def test_a_frozen_database_is_refused_in_time_and_used_again_afterwards(
    database: Database, freeze, attempt
):
    if attempt is read and database.dialect == "sqlite":
        return  # readers do not wait for writers there
    await asyncio.gather(*(attempt(database) for _ in range(3)))
    with freeze():
        found = await failures(*(attempt(database) for _ in range(REQUESTS)))
    assert [type(error) for error in found] == [StoreError] * REQUESTS
    assert "did not answer" in str(found[0]) or "locked" in str(found[0])
    async with asyncio.timeout(ENDLESS_SECONDS):
        await asyncio.gather(*(attempt(database) for _ in range(REQUESTS)))
    assert database.connections[1] == 0


async def test_a_stall_shorter_than_the_limit_only_costs_time(url: str, freeze):
    database = Database(url)
    await database.migrate()
    runs = RunStore(database)
    with freeze():
        started = asyncio.create_task(runs.start(record("run_1")))
        reading = asyncio.create_task(read(database))
        await asyncio.sleep(WAIT_SECONDS)
        assert not started.done()
    await asyncio.gather(started, reading)
    assert (await runs.get("run_1", tenant_id=None, now=NOW)).status == "running"
    await database.aclose()


async def test_a_run_that_could_not_be_stored_in_time_is_not_left_running(database: Database, freeze):
    runs = RunStore(database)
    await runs.start(record("run_0"))
    with freeze():
        late = [runs.start(record(f"run_{number}")) for number in range(1, 5)]
        began = time.monotonic()
        found = await failures(*late)
        assert time.monotonic() - began < ENDLESS_SECONDS
    assert [type(error) for error in found] == [StoreError] * 4
    await runs.start(record("run_5"))  # behind whatever was still queued
    async with database.connect() as connection:
        rows = await connection.execute(text("SELECT id, status, error_type FROM runs ORDER BY id"))
        left = {row.id: (row.status, row.error_type) for row in rows}
    assert (left.pop("run_0"), left.pop("run_5")) == (("running", None), ("running", None))
    assert set(left.values()) <= {("failed", "store")}


async def test_of_many_readers_of_one_agent_none_waits_twice(database: Database, freeze):
    agents = AgentStore(database)
    with freeze():
        began = time.monotonic()
        found = await failures(*(agents.get("generalist", tenant_id=None) for _ in range(REQUESTS)))
    assert ({type(error) for error in found} == {StoreError}) == (database.dialect == "postgresql")
    assert time.monotonic() - began < ENDLESS_SECONDS
