"""The store of a data directory in tests: its SQLite file, or a database of a real Postgres server.

With ``VITAL_TEST_DATABASE=postgres`` each data directory has a database of its own on one server of the session,
copied from a template with the newest schema, where otherwise it has the file ``vital.db``.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from threading import Event, Lock
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import URL, make_url, text
from tests.postgres_server import PostgresServer
from tests.store.freezing import frozen_postgres

from vital_shared.errors import StoreError
from vital_shared.settings import Settings
from vital_shared.store import database
from vital_shared.store.database import Database
from vital_shared.store.engines import parse_url
from vital_shared.store.migrations import history

__all__ = [
    "DIALECTS",
    "ON_POSTGRES",
    "TEMPLATE",
    "PostgresStores",
    "copy_store",
    "halted_store",
    "locked_store",
    "sqlite_copies",
    "store_lock",
    "store_url",
    "store_variables",
    "stored",
    "stores_on_postgres",
]

ON_POSTGRES: Final = os.environ.get("VITAL_TEST_DATABASE", "sqlite") == "postgres"

DIALECTS: Final = ("postgresql",) if ON_POSTGRES else ("sqlite", "postgresql")
"""The databases that a test of the store itself runs on."""

TEMPLATE: Final = "newest_schema"
"""The database with the newest schema and nothing in it, which others are copied from."""


class PostgresStores:
    """The databases of data directories on one server."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._names: dict[Path, str] = {}
        self._has_template = False
        self._making = Lock()
        """Held while a database is made: event loops of several threads may want the same one."""

    def url(self, data_dir: Path) -> str:
        """Return the address of a directory's database, and make it with the first call."""
        with self._making:
            name = self._names.get(data_dir)
            if name is None:
                self._prepare_template()
                name = self._add(data_dir, TEMPLATE)
        return self._address(name)

    def copy(self, source: Path, target: Path) -> None:
        """Give a directory a copy of another's database, to which nobody may be connected."""
        self.url(source)
        self._add(target, self._names[source])

    def drop(self, folder: Path) -> None:
        """Drop the databases of all directories below a folder."""
        gone = [each for each in self._names if each.is_relative_to(folder)]
        statements = [f"DROP DATABASE {self._names.pop(each)} WITH (FORCE);" for each in gone]
        if statements:
            self._server.psql("\n".join(statements))

    def new(self) -> str:
        """Return the address of a new database with the newest schema."""
        self._prepare_template()
        name = f"store_{uuid4().hex}"
        self._server.psql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy;")
        return self._address(name)

    def _add(self, data_dir: Path, template: str) -> str:
        name = self._names[data_dir] = f"store_{uuid4().hex}"
        self._server.psql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy;")
        return name

    def _prepare_template(self) -> None:
        if not self._has_template:
            self._server.psql(f"CREATE DATABASE {TEMPLATE};")
            _in_thread(_migrate(self._address(TEMPLATE)))
            self._has_template = True

    def _address(self, name: str) -> str:
        return parse_url(self._server.get_uri()).set(database=name).render_as_string()


@contextmanager
def sqlite_copies(folder: Path) -> Iterator[None]:
    """Let this process's engines begin an empty SQLite file with a copy of one that has the newest schema.

    To migrate each file of a test costs more than most tests.

    :param folder: where the file is that others are copied from; it is made with the first copy.
    """
    template, newest, making = folder / "newest_schema.db", history._newest(), Lock()

    def upgrade(url: URL) -> None:
        if url.get_backend_name() != "sqlite" or not url.database or history._newest() != newest:
            migrate(url)
            return
        with making:
            if not template.exists():
                migrate(url.set(database=str(template)))
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
            is_copied = copy(Path(url.database))
        if not is_copied:
            migrate(url)

    def copy(file: Path) -> bool:
        with closing(sqlite3.connect(file)) as target, closing(sqlite3.connect(template)) as source:
            try:
                ((tables,),) = target.execute("SELECT count(*) FROM sqlite_schema")
            except sqlite3.DatabaseError:  # it is none, or locked: the engine says so
                return False
            if not tables:
                source.backup(target)
            return not tables

    migrate = database.upgrade
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "upgrade", upgrade)
        yield


_stores: list[PostgresStores] = []
"""The stores of this session, where it runs on Postgres."""


@contextmanager
def stores_on_postgres(stores: PostgresStores) -> Iterator[PostgresStores]:
    """Give each data directory without another address a database on their server."""

    def url(settings: Settings) -> str:
        return stores.url(settings.data_dir) if not settings.database_url else given(settings)

    given = Settings.__dict__["url"].func
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Settings, "url", property(url))
        _stores.append(stores)
        try:
            yield stores
        finally:
            _stores.remove(stores)


def store_url(data_dir: Path) -> str:
    """Return the address of a directory's store."""
    return Settings(data_dir=data_dir, database_url="").url


def store_variables(data_dir: Path) -> dict[str, str]:
    """Return the environment by which another process uses a directory and its store."""
    address = {"VITAL_DATABASE_URL": store_url(data_dir)} if ON_POSTGRES else {}
    return {"VITAL_DATA_DIR": str(data_dir)} | address


def copy_store(source: Path, target: Path) -> None:
    """Copy a directory's store, where it is not in the files that the caller copies."""
    for stores in _stores:
        stores.copy(source, target)


def stored(data_dir: Path, statement: str) -> list[tuple[Any, ...]]:
    """Execute one statement from outside of the engine, and return its rows."""
    url = store_url(data_dir)
    if not ON_POSTGRES:
        with closing(sqlite3.connect(make_url(url).database or "")) as connection, connection:
            return connection.execute(statement).fetchall()
    found: list[tuple[Any, ...]] = _in_thread(_execute(url, statement))
    return found


@contextmanager
def store_lock(data_dir: Path) -> Iterator[None]:
    """Hold the write lock, as another program would: on Postgres a lock of each table. Blocks until it is free."""
    url = store_url(data_dir)
    if not ON_POSTGRES:
        file = make_url(url).database or ""
        with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
        return
    locked, released = Event(), Event()
    with ThreadPoolExecutor(1) as thread:
        holding = thread.submit(asyncio.run, _hold_locks(url, locked, released))
        holding.add_done_callback(lambda _: locked.set())
        locked.wait()
        try:
            yield
        finally:
            released.set()
            holding.result()


@asynccontextmanager
async def locked_store(data_dir: Path) -> AsyncIterator[None]:
    """Hold the write lock; an event loop that holds it meanwhile can let it go."""
    lock = store_lock(data_dir)
    await asyncio.to_thread(lock.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(lock.__exit__, None, None, None)


@asynccontextmanager
async def halted_store(data_dir: Path, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Let the store take no write: lock the file, or stop the server with all its processes."""
    if ON_POSTGRES:
        with frozen_postgres(request.getfixturevalue("postgres").pgdata):
            yield
    else:
        async with locked_store(data_dir):
            yield


async def _hold_locks(url: str, locked: Event, released: Event) -> None:
    database = Database(url)
    while not locked.is_set():
        try:
            await _lock_tables(database, locked, released)
        except StoreError as error:
            if "deadlock" not in str(error):
                raise  # else with a writer, which goes on, so that the next attempt may succeed
    await database.aclose()


async def _lock_tables(database: Database, locked: Event, released: Event) -> None:
    async with database.begin() as connection:
        found = await connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        await connection.execute(text(f"LOCK TABLE {', '.join(found)} IN EXCLUSIVE MODE"))
        locked.set()
        await asyncio.to_thread(released.wait)


async def _migrate(url: str) -> None:
    database = Database(url)
    await database.migrate()
    await database.aclose()


async def _execute(url: str, statement: str) -> list[tuple[Any, ...]]:
    database = Database(url)
    async with database.begin() as connection:
        result = await connection.execute(text(statement))
        rows = [tuple(row) for row in result] if result.returns_rows else []
    await database.aclose()
    return rows


def _in_thread(coroutine: Any) -> Any:
    """Run something that belongs to no event loop of the test."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
