"""A copy of a SQLite store in an empty Postgres database: all of it or nothing, checked before it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

from sqlalchemy import BigInteger, Integer, Table, delete, func, insert, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.errors import ConfigurationError, Conflict, StoreError
from vital_shared.store.account_tables import ledger
from vital_shared.store.all_tables import metadata
from vital_shared.store.audit import AuditedChange, add_entry
from vital_shared.store.backup import VERSION_STEP, check_unused
from vital_shared.store.compatibility_table import schema_compatibility
from vital_shared.store.database import Database
from vital_shared.store.engines import parse_url
from vital_shared.store.tables import documents, knowledge_version, runs

__all__ = ["CopyFacts", "copy_store"]

BATCH_ROWS: Final = 500
"""Rows that are read, and written, at once."""

BATCH_BYTES: Final = 8_000_000
"""The size of texts and files from which fewer rows are written at once: a document's file may have 25 MB."""

_FROM_MIGRATIONS: Final = (schema_compatibility, knowledge_version)
"""Tables in which a new database has a row already."""

_HALF: Final = literal_column(str(2**32), BigInteger)
"""The number by which one of 64 bits is divided into halves."""

_Row = Mapping[str, Any]


class CopyFacts(NamedTuple):
    """The contents of a copy, as they were counted in it."""

    tables: int
    rows: int
    runs: int
    documents: int
    ledger_nanos: int


class _Sums(NamedTuple):
    """The figures of a table that are compared: its rows, and the sum of each column of whole numbers."""

    rows: int
    columns: dict[str, int]


async def copy_store(source: Path, target: str) -> CopyFacts:
    """Copy a store that no process uses into an empty database, in one transaction.

    Before it is committed, the rows of each table are counted, and each column of whole numbers, such as the
    costs in nano-dollars, is summed up, on both sides.

    :param target: the address of a Postgres database.
    :raises ConfigurationError: when the address is not one of Postgres.
    :raises Conflict: when a process uses the store, or the database holds data.
    :raises StoreError: when the store is missing, a database does not answer, or the copy differs.
    """
    if parse_url(target, variable="--to").get_backend_name() != "postgresql":
        raise ConfigurationError(
            "--to is no Postgres database: write postgresql://user:password@host/name, or make a SQLite file "
            "with `vital backup`"
        )
    await asyncio.to_thread(_check_source, source)
    file, server = Database(f"sqlite+aiosqlite:///{source}"), Database(target, variable="--to")
    async with aclosing(file), aclosing(server):
        await file.migrate()
        await server.migrate()
        # A writing transaction on both sides: nothing is added to the store while it is copied.
        async with file.begin() as read, server.begin() as write:
            return await _copy(read, write)


def _check_source(source: Path) -> None:
    """See that there is a store, and that no process uses it.

    :raises StoreError: when there is none.
    :raises Conflict: when a process uses it.
    """
    if not source.is_file():
        raise StoreError(
            f"There is no store at {source}: set VITAL_DATA_DIR to the folder of the one to copy"
        )
    check_unused(source)


async def _copy(read: AsyncConnection, write: AsyncConnection) -> CopyFacts:
    tables = [table for table in metadata.sorted_tables if table not in _FROM_MIGRATIONS]
    await _check_empty(write, tables)
    found: dict[Table, _Sums] = {}
    for table in tables:
        async for rows in _batches(read, table):
            await write.execute(insert(table), rows)
        await _continue_numbers(write, table)
        found[table] = await _sums(write, table)
        _check_same(table, await _sums(read, table), found[table])
    await _copy_version(read, write)
    await write.run_sync(add_entry, AuditedChange("database_copied", "", None, datetime.now(UTC)))
    return CopyFacts(
        tables=len(tables),
        rows=sum(each.rows for each in found.values()),
        runs=found[runs].rows,
        documents=found[documents].rows,
        ledger_nanos=found[ledger].columns["cost_nanos"],
    )


async def _check_empty(write: AsyncConnection, tables: Sequence[Table]) -> None:
    for table in tables:
        if (await write.execute(select(text("1")).select_from(table).limit(1))).first() is not None:
            raise Conflict(
                f"The database of --to holds data, in the table {table.name}: name a new, empty one",
                field="to",
            )


async def _batches(read: AsyncConnection, table: Table) -> AsyncIterator[list[_Row]]:
    batch: list[_Row] = []
    size = 0
    stream = await read.stream(select(table))
    async for row in stream.mappings():
        batch.append(dict(row))
        size += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _continue_numbers(write: AsyncConnection, table: Table) -> None:
    """Let Postgres number new rows from where SQLite has come to."""
    column = table.autoincrement_column
    if column is None:
        return
    sequence = await write.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
    last = await write.scalar(select(func.max(column)))
    if sequence is not None and last is not None:
        await write.execute(select(func.setval(sequence, last)))


async def _sums(connection: AsyncConnection, table: Table) -> _Sums:
    columns = [each for each in table.columns if isinstance(each.type, Integer | BigInteger)]
    # In two halves, since the sum of numbers of 64 bits may have more, which SQLite does not hold.
    sums = [func.sum(half) for each in columns for half in (each.op("/")(_HALF), each % _HALF)]
    rows, *halves = (await connection.execute(select(func.count(), *sums).select_from(table))).one()
    pairs = zip(halves[::2], halves[1::2], strict=True)
    values = [int(high or 0) * 2**32 + int(low or 0) for high, low in pairs]
    return _Sums(rows, dict(zip([each.name for each in columns], values, strict=True)))


def _check_same(table: Table, wanted: _Sums, found: _Sums) -> None:
    if wanted != found:
        raise StoreError(
            f"The copy of the table {table.name} differs from the store, so nothing was copied: try again"
        )


async def _copy_version(read: AsyncConnection, write: AsyncConnection) -> None:
    """Copy the documents' version as that of another store, so that no index of one is used for the other.

    Both may go on, with their indexes in the same folder; equal versions would then mean other documents.
    """
    row = (await read.execute(select(knowledge_version))).mappings().one()
    changed = {"lineage": uuid4().hex, "version": row["version"] + VERSION_STEP}
    await write.execute(delete(knowledge_version))
    await write.execute(insert(knowledge_version), [dict(row) | changed])
