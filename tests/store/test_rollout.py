"""Engines of two versions on one store: the older one serves on while, and after, the newer one has migrated."""

from __future__ import annotations

import asyncio
import zlib
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, delete, insert, select, text
from tests.postgres_server import PostgresServer

from vital_shared.store.database import Database
from vital_shared.store.engines import parse_url
from vital_shared.store.migrations import history
from vital_shared.store.tables import metadata

RELEASED = "0020"
"""The schema of the release before this one; raise it with each release."""

SAMPLES: dict[type, Any] = {
    bool: True,
    bytes: b"x",
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
    float: 1.0,
    int: 1,
}


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch):
    """Let databases be migrated as the older engine did."""
    with monkeypatch.context() as older:
        older.setattr(history, "_newest", lambda: RELEASED)
        yield older


def tables_of(connection: Connection) -> list[Table]:
    """Read the tables as they are, but for the chunks, which triggers index, and what has one row."""
    found = MetaData()
    left_out = ("chunk", "knowledge_version")
    found.reflect(connection, only=lambda name, _: name in metadata.tables and not name.startswith(left_out))
    return found.sorted_tables


def sample(column: Column[Any], key: str) -> Any:
    kind = column.type.python_type
    return zlib.crc32(key.encode()) >> 1 if kind is int and column.primary_key else SAMPLES.get(kind, key)


def write_rows(connection: Connection, tables: list[Table], key: str) -> None:
    for table in tables:
        needed = [each for each in table.c if each.primary_key or not (each.nullable or each.server_default)]
        connection.execute(insert(table).values({each.name: sample(each, key) for each in needed}))


def read_and_delete_rows(connection: Connection, tables: list[Table]) -> list[str]:
    """Return the tables that have more than the two rows; all are empty then."""
    wrong = [table.name for table in tables if len(connection.execute(select(table)).all()) < 2]
    for table in reversed(tables):
        connection.execute(delete(table))
    return wrong


async def test_the_older_engine_writes_and_reads_what_it_knows(url: str, old: pytest.MonkeyPatch) -> None:
    older = Database(url)
    await older.migrate()
    async with older.begin() as connection:
        tables = await connection.run_sync(tables_of)
        await connection.run_sync(write_rows, tables, "before")
    old.undo()
    newer = Database(url)
    await newer.migrate()
    async with older.begin() as connection:
        await connection.run_sync(write_rows, tables, "after")
    async with older.begin() as connection:
        assert await connection.run_sync(read_and_delete_rows, tables) == []
    old.setattr(history, "_newest", lambda: RELEASED)
    await older.aclose()
    await newer.aclose()


async def test_writers_go_on_while_a_migration_waits_for_a_long_transaction(
    postgres: PostgresServer, old: pytest.MonkeyPatch
) -> None:
    name = f"rollout_{uuid4().hex}"
    postgres.psql(f"CREATE DATABASE {name};")
    address = parse_url(postgres.get_uri()).set(database=name).render_as_string()
    older, newer = Database(address), Database(address)
    await older.migrate()
    old.undo()
    async with older.begin() as connection:
        runs = [each for each in await connection.run_sync(tables_of) if each.name == "runs"]
    async with older.begin() as long:
        await long.execute(text("DELETE FROM runs WHERE id = 'none'"))
        migrating = asyncio.create_task(newer.migrate())
        for number in range(4):
            async with older.begin() as connection:
                await connection.run_sync(write_rows, runs, f"run_{number}")
            await asyncio.sleep(0.5)
        assert not migrating.done()
    await migrating
    async with newer.connect() as connection:
        titles = await connection.execute(text("SELECT count(*) FROM runs WHERE title IS NOT NULL"))
        assert titles.scalar() == 4
        invalid = await connection.execute(text("SELECT count(*) FROM pg_index WHERE NOT indisvalid"))
        assert invalid.scalar() == 0
    await older.aclose()
    await newer.aclose()
