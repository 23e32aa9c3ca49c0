"""SQLAlchemy engines: one that reads and one that writes."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, Engine, ExceptionContext, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vital_shared.errors import ConfigurationError
from vital_shared.store.postgres_address import DRIVER, parse_postgres

__all__ = ["Engines", "create_engines", "create_thread_engine", "create_thread_reader", "parse_url", "place"]

_SQLITE, _POSTGRES = "sqlite+aiosqlite", DRIVER

_POLL_SECONDS = 0.1
"""Seconds that SQLite itself waits for the write lock; `vital_shared.store.transactions` then tries again."""

_SERVER_GONE = frozenset({"25006", "57P01", "57P02", "57P03"})
"""SQLSTATEs: a read-only transaction, a shutdown, a crash, and a server that is not ready."""

_CONNECTION_LOST = "08"
"""The class of SQLSTATEs of lost connections, which the driver may raise before it calls them closed."""

_CACHED_STATEMENTS = 100
"""Prepared statements of one connection to Postgres that are kept."""


class _SqliteConnection(sqlite3.Connection):
    """A connection that sets itself up in the driver's thread, which is called once for all of it."""

    _PRAGMAS = (
        # Readers do not wait for the writer, nor it for them.
        "PRAGMA journal_mode=WAL",
        # With WAL nothing that was committed is lost when the process is killed; when the power fails,
        # the last commits may be, yet the file stays whole. FULL would wait for the disk at each
        # commit, of which a run has two. Who must not lose a second of work has Postgres.
        "PRAGMA synchronous=NORMAL",
        "PRAGMA foreign_keys=ON",
        # What is deleted, or replaced by a later version of a row, is overwritten: an erased person's words
        # are not left in free parts of the file.
        "PRAGMA secure_delete=ON",
    )

    def __init__(
        self,
        database: str,
        *,
        timeout: float,
        isolation_level: None,
        factory: type[_SqliteConnection],
        check_same_thread: bool = True,
        detect_types: int = 0,
        cached_statements: int = 128,
        uri: bool = False,
    ) -> None:
        super().__init__(
            database,
            timeout=timeout,
            detect_types=detect_types,
            isolation_level=isolation_level,
            check_same_thread=check_same_thread,
            factory=factory,
            cached_statements=cached_statements,
            uri=uri,
        )
        for pragma in self._PRAGMAS:
            self.execute(pragma).close()


def parse_url(url: str, *, variable: str = "VITAL_DATABASE_URL") -> URL:
    """Read an address, and refuse what the store cannot use.

    :param variable: name of the environment variable that holds it, for what is wrong with it.
    :raises ConfigurationError: when it is neither a SQLite file nor Postgres, or a parameter is not known.
    """
    scheme, _, rest = url.partition("://")
    if scheme in (_POSTGRES, "postgresql", "postgres"):
        return parse_postgres(rest, variable=variable)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # without the cause, which would show the password
        raise ConfigurationError(
            f"{variable} is not an address: write postgresql://user:password@host/name or sqlite:///file"
        ) from None
    if parsed.drivername != _SQLITE:
        raise ConfigurationError(
            f"{variable} begins with {parsed.drivername}://, which is not supported: "
            "use postgresql:// or sqlite://"
        )
    if parsed.database in (None, "", ":memory:"):
        raise ConfigurationError(
            f"{variable} names no file: a SQLite database in memory is lost at once, so write sqlite:///file"
        )
    return parsed


def place(url: URL) -> str:
    """Name the database for people: no password, no parameters."""
    if "host" not in url.query:
        return url.set(query={}).render_as_string(hide_password=True)
    server = URL.create(url.drivername, url.username, url.password).render_as_string(hide_password=True)
    return f"{server}{url.query['host']}/{url.database or ''}"


class Engines(NamedTuple):
    """The engine that reads, each statement for itself, and the one that writes, in transactions."""

    reader: AsyncEngine
    writer: AsyncEngine

    async def dispose(self) -> None:
        """Close all connections."""
        await self.reader.dispose()
        await self.writer.dispose()


async def create_engines(url: URL, *, wait_seconds: float, may_create: bool = False) -> Engines:
    """Make both engines; for Postgres this opens a connection, which shows whether there is a pooler.

    :param wait_seconds: time for a statement, and for waiting for a lock or a connection.
    :param may_create: whether a SQLite file that is not there is created.
    :raises ConfigurationError: when the driver is not installed.
    """
    if url.drivername == _SQLITE:
        return _sqlite(url, wait_seconds, may_create=may_create)
    try:
        return await _postgres(url, wait_seconds)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            'Postgres needs a driver that is not installed: pip install "vital-engine[postgres]"'
        ) from error


def create_thread_engine(url: URL) -> Engine | None:
    """Make an engine that writes from a thread, many statements at a time; None: the driver needs none.

    For SQLite the asynchronous driver goes to its thread and back with each statement, which costs more than
    the statement.
    """
    if url.drivername != _SQLITE:
        return None
    engine = _one_connection(url, _POLL_SECONDS)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def create_thread_reader(url: URL, *, wait_seconds: float) -> Engine | None:
    """Make an engine that reads from a thread, each statement for itself; None: the driver needs none.

    :param wait_seconds: time that writers may keep a reader waiting.
    """
    if url.drivername != _SQLITE:
        return None
    return _one_connection(url, wait_seconds)


def _one_connection(url: URL, lock_seconds: float) -> Engine:
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        # One thread at a time has the connection, but not always the same.
        connect_args=_sqlite_options(lock_seconds) | {"check_same_thread": False},
        hide_parameters=True,
        max_overflow=0,
        pool_reset_on_return=None,
        pool_size=1,
        poolclass=QueuePool,
    )
    event.listen(engine, "do_connect", _open_what_is_there)
    return engine


def _sqlite(url: URL, wait_seconds: float, *, may_create: bool) -> Engines:
    """SQLite has one writer at a time, so the writing engine has one connection.

    Writers of this process queue for it in order; only those of other processes meet at the
    file's lock, where waiting is by polling.
    """
    options: dict[str, Any] = {
        "hide_parameters": True,
        # Nothing is open when a connection comes back: readers are in autocommit, and transactions
        # end where they began. Each call to the driver's thread that is saved counts.
        "pool_reset_on_return": None,
        "pool_timeout": wait_seconds,
    }
    reader = create_async_engine(url, connect_args=_sqlite_options(wait_seconds), **options)
    writer = create_async_engine(
        url, connect_args=_sqlite_options(_POLL_SECONDS), pool_size=1, max_overflow=0, **options
    )
    if not may_create:
        event.listen(reader.sync_engine, "do_connect", _open_what_is_there)
        event.listen(writer.sync_engine, "do_connect", _open_what_is_there)
    event.listen(writer.sync_engine, "begin", _begin_immediate)
    return Engines(reader, writer)


def _open_what_is_there(_dialect: object, _record: object, place: list[Any], options: dict[str, Any]) -> None:
    """Keep the driver from creating the file: an empty one would hide that the store was deleted or moved.

    Source: https://www.sqlite.org/uri.html, ``mode=rw``.
    """
    place[0] = f"{Path(place[0]).absolute().as_uri()}?mode=rw"
    options["uri"] = True


def _sqlite_options(lock_seconds: float) -> dict[str, Any]:
    """Return the driver's options.

    :param lock_seconds: time that SQLite itself waits for a lock, also while the connection is set up.
    """
    # The driver would begin transactions by itself, too late and never IMMEDIATE.
    return {"factory": _SqliteConnection, "isolation_level": None, "timeout": lock_seconds}


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at the start, where it can be waited for.

    A transaction that reads first and then writes fails at once when another has written between.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE")


async def _postgres(url: URL, wait_seconds: float) -> Engines:
    # The driver is an extra.
    from vital_shared.store.postgres_connection import connector, is_pooled  # noqa: PLC0415

    # Behind a pooler a statement that one transaction has prepared may be gone, or be another's, in the next:
    # so none is kept there, and reads are transactions too, which costs each two messages more.
    pooled = await is_pooled(url, wait_seconds=wait_seconds)
    statements = 0 if pooled else _cached_statements(url)
    writer = create_async_engine(
        f"{DRIVER}://",
        async_creator=connector(url, statements=statements, wait_seconds=wait_seconds),
        connect_args={"prepared_statement_cache_size": statements},
        hide_parameters=True,
        max_overflow=15,
        pool_pre_ping=True,  # a connection that died with the server's restart costs nobody a request
        pool_size=5,
        pool_timeout=wait_seconds,
    )
    event.listen(writer.sync_engine, "handle_error", _leave_lost_server)
    return Engines(writer if pooled else writer.execution_options(isolation_level="AUTOCOMMIT"), writer)


def _leave_lost_server(context: ExceptionContext) -> None:
    """Give up all connections of a pool whose server takes no writes any more, or is going down.

    After a failover the old primary may go on as a standby, with which nothing is wrong but that.
    """
    state = getattr(context.original_exception, "sqlstate", None) or ""
    if state in _SERVER_GONE or state.startswith(_CONNECTION_LOST):
        context.is_disconnect = True


def _cached_statements(url: URL) -> int:
    wanted = url.query.get("prepared_statement_cache_size") or url.query.get("statement_cache_size")
    return int(str(wanted)) if wanted else _CACHED_STATEMENTS
