"""Limits that a Postgres server sets: connections, idle transactions and long statements."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text
from tests.postgres_server import PostgresServer

from vital_shared.errors import StoreError, WriteRefused
from vital_shared.store.database import Database
from vital_shared.store.engines import parse_url

CONNECTIONS = 4

Limited = Callable[[str], Database]


@pytest.fixture
async def limited(postgres: PostgresServer) -> AsyncIterator[Limited]:
    """Opens the database of a role with few connections, and with a setting."""
    async with AsyncExitStack() as closing:

        def open_as(setting: str = "") -> Database:
            name = f"limited_{uuid4().hex}"
            postgres.psql(
                f"CREATE ROLE {name} LOGIN CONNECTION LIMIT {CONNECTIONS};"
                f"CREATE DATABASE {name} OWNER {name}; {setting and f'ALTER ROLE {name} SET {setting};'}"
            )
            address = parse_url(postgres.get_uri()).set(database=name, username=name)
            database = Database(address.render_as_string(), wait_seconds=60)
            closing.push_async_callback(database.aclose)
            return database

        yield open_as


async def write(database: Database, seconds: float = 0.02) -> int:
    """Take a while in a transaction; gives the server's process of its connection."""
    async with database.begin() as connection:
        pid = await connection.scalar(text(f"SELECT pg_backend_pid() FROM pg_sleep({seconds})"))
    assert pid is not None
    return int(pid)


def in_use(database: Database) -> int:
    _, taken = database.connections
    return taken


@asynccontextmanager
async def refused() -> AsyncIterator[None]:
    """Expect a refusal that may be tried again later."""
    with pytest.raises(StoreError) as error:
        yield
    assert not isinstance(error.value, WriteRefused)


async def test_a_server_that_gives_no_more_connections_serves_all_with_those_that_are_there(limited: Limited):
    database = limited("")
    await database.ping()
    backends = await asyncio.gather(*(write(database) for _ in range(40)))
    assert len(backends) == 40
    assert len(set(backends)) <= CONNECTIONS
    assert in_use(database) == 0


async def test_who_has_no_connection_at_all_is_told_so(limited: Limited):
    database = limited("")
    database.wait_seconds = 6
    await database.ping()
    async with AsyncExitStack() as others:
        for _ in range(CONNECTIONS):
            await others.enter_async_context(database.begin())
        with pytest.raises(StoreError, match="too many connections for role"):
            await write(database)
    await write(database)


async def test_a_transaction_that_was_idle_for_too_long_costs_nobody_else_a_connection(limited: Limited):
    database = limited("idle_in_transaction_session_timeout = '50ms'")
    gone = set()
    for _ in range(CONNECTIONS + 1):
        async with refused(), database.begin() as connection:
            backend = await connection.scalar(text("SELECT pg_backend_pid()"))
            gone.add(backend)
            await _until_gone(database, backend)
    assert len(gone) == CONNECTIONS + 1
    assert gone.isdisjoint(await asyncio.gather(*(write(database) for _ in range(CONNECTIONS))))
    assert in_use(database) == 0


async def _until_gone(database: Database, backend: int | None) -> None:
    there = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :backend").bindparams(backend=backend)
    async with asyncio.timeout(20):
        while True:
            async with database.connect() as connection:
                if not await connection.scalar(there):
                    return


async def test_a_statement_that_was_too_long_leaves_its_connection_as_it_was(limited: Limited):
    database = limited("statement_timeout = '500ms'")
    before = await write(database)
    async with refused():
        await write(database, seconds=60)
    assert before in await asyncio.gather(*(write(database) for _ in range(CONNECTIONS)))
    assert in_use(database) == 0


async def test_serializable_transactions_are_done_again(limited: Limited):
    """A database may be set up so that all its transactions are."""
    database = limited("default_transaction_isolation = serializable")

    def count_up(connection: Connection) -> None:
        number = connection.execute(text("SELECT number FROM counted")).scalar_one()
        connection.execute(text("UPDATE counted SET number = :number"), {"number": number + 1})

    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE counted (number integer)"))
        await connection.execute(text("INSERT INTO counted VALUES (0)"))
    await asyncio.gather(*(database.write(count_up) for _ in range(3)), database.put(count_up))
    async with database.connect() as connection:
        assert await connection.scalar(text("SELECT number FROM counted")) == 4
