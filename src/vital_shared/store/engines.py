"""SQLAlchemy engines: one that reads and one that writes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vital_shared.errors import ConfigurationError

__all__ = ["create_engines", "create_thread_engine", "parse_url", "place"]

_SQLITE, _POSTGRES = "sqlite+aiosqlite", "postgresql+asyncpg"

_CONNECT_SECONDS = 5.0
_COMMAND_SECONDS = 60.0

_PRAGMAS = (
    # First, so that the others wait too.
    "PRAGMA busy_timeout=5000",
    # Readers do not wait for the writer, nor it for them.
    "PRAGMA journal_mode=WAL",
    # With WAL nothing that was committed is lost when the process is killed; when the power fails,
    # the last commits may be, yet the file stays whole. FULL would wait for the disk at each
    # commit, of which a run has two. Who must not lose a second of work has Postgres.
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
)


def parse_url(url: str) -> URL:
    """Read an address, and refuse what the store cannot use.

    :raises ConfigurationError: when it is neither a SQLite file nor Postgres.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # without the cause, which would show the password
        raise ConfigurationError(
            "VITAL_DATABASE_URL is no address: write postgresql://user:password@host/name or sqlite:///file"
        ) from None
    if parsed.drivername not in (_SQLITE, _POSTGRES):
        raise ConfigurationError(
            f"VITAL_DATABASE_URL begins with {parsed.drivername}://, which is not supported: "
            "use postgresql:// or sqlite://"
        )
    if parsed.drivername == _SQLITE and parsed.database in (None, "", ":memory:"):
        raise ConfigurationError(
            "VITAL_DATABASE_URL names no file: a SQLite database in memory is lost at once, so write sqlite:///file"
        )
    return parsed


def place(url: URL) -> str:
    """Name the database for people: no password, no parameters."""
    return url.set(query={}).render_as_string(hide_password=True)


def create_engines(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """Make the engine that reads, each statement for itself, and the one that writes, in transactions."""
    if url.drivername == _SQLITE:
        return _sqlite(url)
    try:
        return _postgres(url)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            'Postgres needs a driver that is not installed: pip install "vital[postgres]"'
        ) from error


def create_thread_engine(url: URL) -> Engine | None:
    """Make an engine that writes from a thread, many statements at a time; None: the driver needs none.

    For SQLite the asynchronous driver goes to its thread and back with each statement, which costs more than
    the statement.
    """
    if url.drivername != _SQLITE:
        return None
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        # One thread at a time has the connection, but not always the same.
        connect_args={"isolation_level": None, "check_same_thread": False},
        hide_parameters=True,
        max_overflow=0,
        pool_reset_on_return=None,
        pool_size=1,
        poolclass=QueuePool,
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "connect", _wait_shortly)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _sqlite(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """SQLite has one writer at a time, so the writing engine has one connection.

    Writers of this process queue for it in order; only those of other processes meet at the
    file's lock, where waiting is by polling.
    """
    options: dict[str, Any] = {
        # The driver would begin transactions by itself, too late and never IMMEDIATE.
        "connect_args": {"isolation_level": None},
        "hide_parameters": True,
        # Nothing is open when a connection comes back: readers are in autocommit, and transactions
        # end where they began. Each call to the driver's thread that is saved counts.
        "pool_reset_on_return": None,
    }
    reader = create_async_engine(url, **options)
    writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=30, **options)
    for engine in (reader, writer):
        event.listen(engine.sync_engine, "connect", _set_pragmas)
    event.listen(writer.sync_engine, "connect", _wait_shortly)
    event.listen(writer.sync_engine, "begin", _begin_immediate)
    return reader, writer


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _wait_shortly(connection: Any, _record: object) -> None:
    """Give up waiting for the lock soon: `vital_shared.store.transactions` tries again."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=100")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at the start, where it can be waited for.

    A transaction that reads first and then writes fails at once when another has written between.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgres(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    writer = create_async_engine(
        url,
        connect_args={"timeout": _CONNECT_SECONDS, "command_timeout": _COMMAND_SECONDS},
        hide_parameters=True,
        max_overflow=15,
        pool_pre_ping=True,  # a connection that died with the server's restart costs nobody a request
        pool_size=5,
    )
    return writer.execution_options(isolation_level="AUTOCOMMIT"), writer
