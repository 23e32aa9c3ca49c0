"""A SQLite store in an empty Postgres database: every row of every table, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, DateTime, Double, Integer, LargeBinary, Table, insert, inspect, select
from tests.ledger_rows import row
from tests.store.test_migrations import older_database
from tests.store_database import PostgresStores

from vital_shared.errors import ConfigurationError, Conflict, StoreError
from vital_shared.store import store_copy
from vital_shared.store.account_tables import ledger
from vital_shared.store.all_tables import metadata
from vital_shared.store.backup import VERSION_STEP
from vital_shared.store.compatibility_table import schema_compatibility
from vital_shared.store.database import Database
from vital_shared.store.store_copy import copy_store
from vital_shared.store.tables import knowledge_version

NOON = datetime(2026, 11, 27, 12, 0, 0, 123456, tzinfo=UTC)
TABLES = [each for each in metadata.sorted_tables if each not in (schema_compatibility, knowledge_version)]

pytestmark = pytest.mark.sqlite


def value(column: Column[Any], number: int) -> Any:
    """Return a value that shows a loss: of precision, of bits, of characters."""
    if column.foreign_keys:
        (key,) = column.foreign_keys
        return value(key.column, number)
    kind = column.type
    if isinstance(kind, Boolean):
        return bool(number % 2)
    if isinstance(kind, Integer):
        is_wide = not column.primary_key and "BIGINT" in str(kind)
        return number + (2**33 if is_wide else 0)
    if isinstance(kind, LargeBinary):
        return bytes((number, 0, 255))
    if isinstance(kind, Double):
        return 0.1 + number
    if isinstance(getattr(kind, "impl", kind), DateTime):
        return NOON
    return f"{column.name} {number} \u00e9\U0001f600 \"'\\"


def rows_of(table: Table, count: int) -> list[dict[str, Any]]:
    return [
        {column.name: value(column, number) for column in table.columns} for number in range(1, count + 1)
    ]


async def contents(database: Database, table: Table) -> list[str]:
    async with database.connect() as connection:
        return sorted(repr(tuple(each)) for each in await connection.execute(select(table)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "vital.db"


@pytest.fixture
async def filled(file: Path) -> Path:
    """A store with rows in every table, which no process uses."""
    async with aclosing(Database(f"sqlite+aiosqlite:///{file}")) as database:
        await database.migrate()
        async with database.begin() as connection:
            for table in TABLES:
                await connection.execute(insert(table), rows_of(table, 3))
    return file


@pytest.fixture
def target(databases: PostgresStores) -> str:
    return databases.new()


@pytest.fixture
async def copied(target: str) -> AsyncIterator[Database]:
    async with aclosing(Database(target)) as database:
        yield database


async def test_every_row_of_every_table_is_the_same_in_the_copy(filled: Path, target: str, copied: Database):
    facts = await copy_store(filled, target)
    async with aclosing(Database(f"sqlite+aiosqlite:///{filled}")) as source:
        for table in TABLES:
            found, wanted = await contents(copied, table), await contents(source, table)
            if table.name == "audit_log":
                assert len(found) == 4  # and the entry of the copy
                found = [each for each in found if "database_copied" not in each]
            assert (table.name, found) == (table.name, wanted)
    assert (facts.tables, facts.rows, facts.runs) == (len(TABLES), 3 * len(TABLES), 3)
    assert facts.ledger_nanos == 3 * 2**33 + 6


async def test_no_table_of_the_server_is_left_out(target: str, copied: Database):
    async with copied.connect() as connection:
        names = await connection.run_sync(lambda each: set(inspect(each).get_table_names()))
    assert names - {"alembic_version"} == set(metadata.tables)


async def test_new_rows_are_numbered_behind_the_copied_ones(filled: Path, target: str, copied: Database):
    await copy_store(filled, target)
    async with copied.begin() as connection:
        await connection.execute(insert(ledger), [row()])
        numbers = (await connection.scalars(select(ledger.c.id).order_by(ledger.c.id))).all()
    assert numbers == [1, 2, 3, 4]


async def test_indexes_of_the_file_are_not_used_for_the_copy(filled: Path, target: str, copied: Database):
    async def version(database: Database) -> tuple[str, int]:
        async with database.connect() as connection:
            columns = select(knowledge_version.c.lineage, knowledge_version.c.version)
            lineage, number = (await connection.execute(columns)).one()
            return lineage, number

    await copy_store(filled, target)
    async with aclosing(Database(f"sqlite+aiosqlite:///{filled}")) as source:
        before = await version(source)
    after = await version(copied)
    assert (before[0] != after[0], after[1] - before[1]) == (True, VERSION_STEP)


async def test_a_store_in_use_is_not_copied(filled: Path, target: str, copied: Database):
    async with aclosing(Database(f"sqlite+aiosqlite:///{filled}")) as engine:
        await engine.ping()
        with pytest.raises(Conflict, match="stop the engine first"):
            await copy_store(filled, target)
    assert await contents(copied, ledger) == []


async def test_a_database_with_data_is_left_as_it_is(filled: Path, target: str, copied: Database):
    async with copied.begin() as connection:
        await connection.execute(insert(ledger), [row()])
    with pytest.raises(Conflict, match="holds data, in the table ledger: name a new, empty one"):
        await copy_store(filled, target)
    assert len(await contents(copied, ledger)) == 1


async def test_nothing_is_left_of_a_copy_that_differs(
    filled: Path, target: str, copied: Database, monkeypatch: pytest.MonkeyPatch
):
    whole = store_copy._batches

    async def lose_a_charge(read: Any, table: Table) -> AsyncIterator[Any]:
        async for batch in whole(read, table):
            yield (
                [each | {"cost_nanos": each["cost_nanos"] - 1} for each in batch]
                if table is ledger
                else batch
            )

    with monkeypatch.context() as broken:
        broken.setattr(store_copy, "_batches", lose_a_charge)
        with pytest.raises(StoreError, match="table ledger differs from the store, so nothing was copied"):
            await copy_store(filled, target)
    assert [await contents(copied, table) for table in TABLES] == [[]] * len(TABLES)
    await copy_store(filled, target)  # and it can be done again


async def test_a_copy_that_is_stopped_leaves_nothing(
    filled: Path, target: str, copied: Database, monkeypatch: pytest.MonkeyPatch
):
    reached = asyncio.Event()

    async def wait(*_: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(store_copy, "_copy_version", wait)
    copying = asyncio.create_task(copy_store(filled, target))
    await reached.wait()
    copying.cancel()
    await asyncio.wait([copying])
    assert [await contents(copied, table) for table in TABLES] == [[]] * len(TABLES)


async def test_a_store_of_an_older_version_is_brought_up_to_date_first(
    file: Path, target: str, copied: Database, monkeypatch: pytest.MonkeyPatch
):
    file.parent.mkdir()
    older = await older_database(f"sqlite+aiosqlite:///{file}", monkeypatch, "0030")
    await older.aclose()
    assert (await copy_store(file, target)).rows == 0


async def test_many_rows_are_copied_in_batches(filled: Path, target: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store_copy, "BATCH_ROWS", 2)
    assert (await copy_store(filled, target)).rows == 3 * len(TABLES)


@pytest.mark.parametrize("address", ["sqlite+aiosqlite:///other.db", "mysql://host/name"])
async def test_another_kind_of_database_is_refused(filled: Path, address: str):
    with pytest.raises(ConfigurationError, match="--to"):
        await copy_store(filled, address)


async def test_no_store_is_made_where_there_is_none(tmp_path: Path, target: str):
    with pytest.raises(StoreError, match="There is no store at"):
        await copy_store(tmp_path / "vital.db", target)
    assert not (tmp_path / "vital.db").exists()


async def test_sums_of_more_than_64_bits_are_compared(filled: Path, target: str):
    async with aclosing(Database(f"sqlite+aiosqlite:///{filled}")) as source, source.begin() as connection:
        await connection.execute(insert(ledger), [row(input_tokens=2**63 - 1, run_id=None) for _ in range(3)])
    assert (await copy_store(filled, target)).rows == 3 * len(TABLES) + 3
