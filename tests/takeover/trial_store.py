"""The stores of trials: a file for each, or a database of a real Postgres server."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from shutil import copyfile
from typing import Any, Final, Protocol

from sqlalchemy import text
from tests.store_database import PostgresStores

from vital_shared.store.database import Database

__all__ = ["ADDRESS_FILE", "PostgresTrials", "SqliteTrials", "TrialStores"]

ADDRESS_FILE: Final = "database-address"
"""The file with the address of a folder's store, where that is not its file."""


class TrialStores(Protocol):
    """The stores of one kind, one for each folder."""

    def begin(self, folder: Path) -> None:
        """Give a folder an empty store."""
        ...

    def rows(self, folder: Path, statement: str) -> list[dict[str, Any]]:
        """Return the rows of a query of a folder's store."""
        ...

    def change(self, folder: Path, statement: str) -> None:
        """Change a folder's store, as no engine would."""
        ...

    def end(self, folder: Path) -> None:
        """Delete a folder's store."""
        ...


class SqliteTrials:
    """Stores in files.

    :param template: a folder with a database that is up to date.
    """

    def __init__(self, template: Path) -> None:
        self._template = template

    def begin(self, folder: Path) -> None:
        """Copy the file."""
        copyfile(self._template / "vital.db", folder / "vital.db")

    def rows(self, folder: Path, statement: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        with closing(sqlite3.connect(folder / "vital.db")) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement)]

    def change(self, folder: Path, statement: str) -> None:
        """Change the file."""
        with closing(sqlite3.connect(folder / "vital.db")) as connection, connection:
            connection.execute(statement)

    def end(self, folder: Path) -> None:
        """Leave the file to its folder."""


class PostgresTrials:
    """Databases of one server.

    :param stores: makes them.
    """

    def __init__(self, stores: PostgresStores) -> None:
        self._stores = stores

    def begin(self, folder: Path) -> None:
        """Make a database, and note its address for the engines."""
        (folder / ADDRESS_FILE).write_text(self._stores.url(folder), encoding="utf-8")

    def rows(self, folder: Path, statement: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        return self._execute(folder, statement)

    def change(self, folder: Path, statement: str) -> None:
        """Change the database."""
        self._execute(folder, statement)

    def end(self, folder: Path) -> None:
        """Drop the database."""
        self._stores.drop(folder)

    def _execute(self, folder: Path, statement: str) -> list[dict[str, Any]]:
        async def execute() -> list[dict[str, Any]]:
            database = Database(self._stores.url(folder))
            try:
                async with database.begin() as connection:
                    result = await connection.execute(text(statement))
                    return [dict(row) for row in result.mappings()] if result.returns_rows else []
            finally:
                await database.aclose()

        with ThreadPoolExecutor(1) as thread:  # the test may have an event loop of its own
            return thread.submit(asyncio.run, execute()).result()
