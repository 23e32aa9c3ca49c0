"""A primary that is gone or takes no more writes: its standby is found, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from tests.postgres_server import PostgresServer, running_postgres
from tests.postgres_standby import address_of_all, promote, running_standby, stop

from vital_shared.errors import RunFailed, StoreError, WriteRefused
from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database
from vital_shared.testing import CannedModel, question, workflow_services
from vital_shared.workflows.base_workflow import BaseWorkflow

REQUESTS = 30
PATIENCE_SECONDS = 60.0


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def standby(primary: PostgresServer) -> Iterator[PostgresServer]:
    primary.psql("CREATE DATABASE vital;")
    with running_standby(primary) as server:
        yield server


@pytest.fixture
async def pair(primary: PostgresServer, standby: PostgresServer) -> AsyncIterator[Database]:
    """A store on both, the standby named first."""
    database = Database(address_of_all("vital", standby, primary), wait_seconds=10)
    await database.migrate()
    yield database
    await database.aclose()


async def write(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(text("DELETE FROM runs WHERE id = 'none'"))


async def until_written(database: Database) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await write(database)
            except StoreError:
                await asyncio.sleep(0.05)


async def write_until_refused(database: Database) -> None:
    """Write until the server has read its settings again."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            await write(database)
            await asyncio.sleep(0.05)


async def test_a_promoted_standby_takes_over_and_no_answered_run_is_lost(
    pair: Database, primary: PostgresServer, standby: PostgresServer, tmp_path: Path
) -> None:
    address = address_of_all("vital", primary, standby)
    model = CannedModel("It takes 42 days.")
    async with workflow_services(tmp_path, models=[model], database_url=address) as services:
        workflow = BaseWorkflow(services)
        answered: list[str] = []

        async def ask(number: int) -> None:
            await asyncio.sleep(number / 10)
            try:
                output = await workflow.execute_typed(question(f"How long is {number}?", model="canned"))
            except (StoreError, RunFailed):  # it says so: that is no answer
                return
            answered.append(output.run_id)

        async with asyncio.TaskGroup() as tasks:
            for number in range(REQUESTS):
                tasks.create_task(ask(number))
            await asyncio.sleep(REQUESTS / 30)
            await asyncio.to_thread(stop, primary)
            await asyncio.to_thread(promote, standby)
        await until_written(services.database)
        asked = len(model.requests)
    assert len(answered) > REQUESTS / 3
    after = Database(address_of_all("vital", standby))
    async with after.connect() as connection:
        rows = (await connection.scalars(select(ledger.c.run_id).where(ledger.c.cost_type == "llm"))).all()
        ended = await connection.execute(text("SELECT id FROM runs WHERE status = 'completed'"))
        assert set(answered) <= set(ended.scalars())
    await after.aclose()
    assert len(rows) == len(set(rows)) == asked
    assert set(answered) <= set(rows)


async def test_a_primary_that_becomes_read_only_is_left(
    pair: Database, primary: PostgresServer, standby: PostgresServer
) -> None:
    await asyncio.gather(*(write(pair) for _ in range(10)))
    primary.psql("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf();")
    await asyncio.to_thread(promote, standby)
    with pytest.raises(StoreError, match="read-only") as refused:
        await write_until_refused(pair)
    assert not isinstance(refused.value, WriteRefused), "a write is kept until a server takes it"
    await asyncio.gather(*(write(pair) for _ in range(10)))


async def test_a_server_that_takes_no_writes_is_not_ready(postgres: PostgresServer) -> None:
    name = f"read_only_{uuid4().hex}"
    postgres.psql(f"CREATE DATABASE {name};")
    database = Database(address_of_all(name, postgres))
    await database.migrate()
    await database.check()
    await database.aclose()
    postgres.psql(f"ALTER DATABASE {name} SET default_transaction_read_only = on;")
    database = Database(address_of_all(name, postgres))
    with pytest.raises(StoreError, match="read-only"):
        await database.check()
    await database.aclose()
