"""The database of the queue: beside the store, never in its tables."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import URL, Engine, create_engine, event, text
from sqlalchemy.pool import ConnectionPoolEntry

from vital_shared.errors import ConfigurationError
from vital_shared.store.database import Database
from vital_shared.store.engines import parse_url

__all__ = ["QueueDatabase", "queue_database"]

FILE_SUFFIX: Final = "-queue.db"
SCHEMA: Final = "vital_queue"
POOL_CONNECTIONS: Final = 5
CONNECT_SECONDS: Final = 10
STATEMENT_MILLISECONDS: Final = 30_000

SUBSECONDS_SINCE: Final = (3, 42)
"""The version of SQLite from which on its `unixepoch` has fractions (https://sqlite.org/lang_datefunc.html)."""

_NOT_LIBPQ: Final = frozenset(
    {"command_timeout", "pgbouncer", "prepared_statement_cache_size", "statement_cache_size"}
)
"""Parameters of the store's address that its own driver takes, and libpq does not know."""


class QueueDatabase(NamedTuple):
    """The place of the queue's tables."""

    engine: Engine
    schema: str | None
    """None: SQLite has none."""

    def close(self) -> None:
        """Close all connections for good, and each that is in use as soon as it is given back.

        DBOS does not wait for its items' threads, and a cancelled call goes on in its thread: they give their
        connections back when the pool has been left, where nobody would close them. DBOS does the same for
        an engine that it has made itself.
        """
        event.listen(self.engine, "checkin", _close_connection)  # the pool after this one has it, too
        self.engine.dispose()


async def queue_database(store: Database, url: str) -> QueueDatabase:
    """Return the database of the queue that belongs to a store: a file beside its file, or a schema.

    :param url: the store's address.
    :raises ConfigurationError: when the driver is not installed.
    """
    parsed = parse_url(url)
    if store.dialect == "sqlite":
        path = Path(parsed.database or "")
        return QueueDatabase(_sqlite_engine(path.with_name(path.stem + FILE_SUFFIX)), None)
    async with store.connect() as connection:
        own = (await connection.execute(text("SELECT current_schema()"))).scalar()
    schema = SCHEMA if own in (None, "public") else f"{own}_{SCHEMA}"
    return QueueDatabase(_postgres_engine(parsed), schema)


def _close_connection(_connection: object, record: ConnectionPoolEntry) -> None:
    record.invalidate()


def _sqlite_engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True)
    if sqlite3.sqlite_version_info < SUBSECONDS_SINCE:
        event.listen(engine, "connect", _add_fractions)
    return engine


def _add_fractions(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    """Let ``unixepoch('subsec')`` be the time: DBOS's tables ask for it in Python 3.12 and later.

    Those Pythons run with older versions of SQLite, too (Debian 12), which answer NULL.
    """
    connection.create_function("unixepoch", 1, lambda _: round(time.time(), 3))


def _postgres_engine(url: URL) -> Engine:
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(
            "Background runs on Postgres need a driver that is not installed: "
            'pip install "vital-engine[background]"'
        ) from error
    arguments = _arguments(url)

    def connect() -> Any:
        return psycopg.connect(**arguments)

    return create_engine(
        "postgresql+psycopg://",
        creator=connect,
        hide_parameters=True,
        max_overflow=0,
        pool_pre_ping=True,
        pool_size=POOL_CONNECTIONS,
        pool_timeout=STATEMENT_MILLISECONDS / 1_000,
    )


def _arguments(url: URL) -> dict[str, Any]:
    """Return what libpq takes of an address; behind a pooler no statement may be prepared by name."""
    given = {name: str(value) for name, value in url.query.items() if name not in _NOT_LIBPQ}
    own = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
    }
    defaults = {"connect_timeout": CONNECT_SECONDS, "application_name": "vital-queue"}
    named = {name: value for name, value in own.items() if value is not None}
    return defaults | given | named | {"prepare_threshold": None}
