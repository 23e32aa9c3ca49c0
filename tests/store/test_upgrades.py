"""A store that every version has written to is brought up to date with all that is in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, func, insert, select, types
from tests.store.test_migrations import differences, older_database

from vital_shared.store.database import Database
from vital_shared.store.migrations import history

pytestmark = pytest.mark.usefixtures("migrated")

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)

JSON: dict[str, Any] = {
    "runs.input": {"query": "How long is the notice period?", "session_id": "s"},
    "runs.output": {"response": "Four weeks."},
}
"""Columns whose text is read by migrations."""

DERIVED = ("alembic_", "chunks_fts", "knowledge_version", "schema_compatibility", "sqlite_")
"""Beginnings of the names of tables whose rows are not written by an engine."""


def value(column: Column[Any], version: str) -> object:
    """Return a value of the column's type, another one for each version."""
    name = f"{column.table.name}.{column.name}"
    if column.foreign_keys:
        return value(next(iter(column.foreign_keys)).column, version)
    if name in JSON:
        return json.dumps(JSON[name])
    match column.type:
        case types.Boolean():
            return False
        case types.DateTime():
            return MOMENT
        case types.Integer() | types.Float() | types.Numeric():
            return int(version)
        case types.LargeBinary():
            return version.encode()
        case _:
            return f"v{version}"


def add_rows(connection: Connection, version: str) -> dict[str, int]:
    """Add a row to each table as it is in this version, and return how many rows each has."""
    found = MetaData()
    found.reflect(connection)
    tables = [table for table in found.sorted_tables if not table.name.startswith(DERIVED)]
    for table in tables:
        written = [each for each in table.columns if each.computed is None and each.name != "search"]
        connection.execute(insert(table).values({each.name: value(each, version) for each in written}))
    return {table.name: count(connection, table) for table in tables}


def count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


async def test_rows_of_every_earlier_version_are_there_in_the_newest(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    written: dict[str, int] = {}
    for path in history._versions():
        version = path.name[1:5]
        database = await older_database(url, monkeypatch, version)
        async with database.begin() as connection:
            counts = await connection.run_sync(add_rows, version)
        await database.aclose()
        kept = {name: number for name, number in counts.items() if name in written}
        assert kept == {name: written[name] + 1 for name in kept}, version
        assert kept.keys() == written.keys(), version
        written |= counts
    database = Database(url)
    await database.migrate()
    async with database.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.aclose()
    assert written["runs"] == written["ledger"] + 1 == int(version)
