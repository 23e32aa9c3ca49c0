"""Migrations of a Postgres that engines are at work on: no table is locked for long.

Each version is a transaction of its own, which waits only shortly for a table and is tried again: while it
waits, others wait behind it. What takes long on a large table is done ahead, in small steps: a version may
have a function ``fill``, which changes one batch of rows, and ``INDEXES``, which are made with CONCURRENTLY.
Its own ``upgrade`` then finds them made.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.store.jitter import pause
from vital_shared.store.migrations.history import bring_up_to_date, is_usable, steps_after, version_of

__all__ = ["upgrade_online"]

logger = get_logger(__name__)

_ADVISORY_LOCK: Final = 0x564954414C
""" "VITAL", a number that other programs on this server do not use."""
_TURN_SECONDS: Final = 3_600.0
"""The longest wait for another process that migrates."""
_POLL_SECONDS: Final = 0.2
_INDEX_SECONDS: Final = 3_600.0
_LOCK_SECONDS: Final = 3
"""The wait of a version for a table: as long writers wait behind it, and no longer."""
_LOCK_ATTEMPTS: Final = 40
_PAUSE_SECONDS: Final = 1.0
_LOCK_NOT_AVAILABLE: Final = "55P03"


async def upgrade_online(engine: AsyncEngine) -> None:
    """Bring a schema to the newest version, while others use it.

    :raises StoreError: when it is newer than this program and not for it, when a table is never free, or when
        another process does not end its migration.
    """
    async with engine.connect() as connection:
        if await connection.run_sync(is_usable):
            return
    async with engine.connect() as guard, _turn(guard):
        if await guard.run_sync(is_usable):
            return
        version = await guard.run_sync(version_of)
        if version is None:
            await guard.run_sync(bring_up_to_date)
            return
        await _drop_snapshot(guard)
        for step in steps_after(version):
            await _prepare(engine, step)
            await _run(engine, step.revision)


@asynccontextmanager
async def _turn(connection: AsyncConnection) -> AsyncIterator[None]:
    """Be the only one that migrates, until the end of a transaction: it holds behind a pooler, too.

    Who waits asks again and again, and keeps no session of a pooler from the one at work.
    """
    give_up_at = time.monotonic() + _TURN_SECONDS
    while True:
        async with connection.begin():
            lock = text(f"SELECT pg_try_advisory_xact_lock({_ADVISORY_LOCK})")
            if (await connection.execute(lock)).scalar():
                yield
                return
        if time.monotonic() > give_up_at:
            raise StoreError("Another process has been migrating this database for an hour: see that it ends")
        await pause(_POLL_SECONDS)


async def _drop_snapshot(connection: AsyncConnection) -> None:
    """Let go of the snapshot of a transaction's last statement, which an index that is made would wait for.

    The unnamed portal keeps it until the next message
    (https://www.postgresql.org/docs/current/protocol-flow.html, "Extended Query").
    """
    await (await _driver(connection)).execute("SELECT 1")


async def _driver(connection: AsyncConnection) -> Any:
    """Return the driver's own connection, which sends a statement without parameters as one message."""
    return (await connection.get_raw_connection()).driver_connection


async def _prepare(engine: AsyncEngine, step: ModuleType) -> None:
    """Do ahead what takes long."""
    after: str | None = "" if hasattr(step, "fill") else None
    while after is not None:
        async with engine.begin() as connection:
            after = await connection.run_sync(step.fill, after)
    for name, definition in getattr(step, "INDEXES", {}).items():
        logger.info("index_begun", index=name)
        await _execute(engine, f"DROP INDEX CONCURRENTLY IF EXISTS {name}")  # perhaps half made
        await _execute(engine, f"CREATE INDEX CONCURRENTLY {name} ON {definition}")


async def _execute(engine: AsyncEngine, statement: str) -> None:
    """Execute a statement outside of a transaction, as one message, which holds behind a pooler, too."""
    async with engine.connect() as connection:
        await (await _driver(connection)).execute(statement, timeout=_INDEX_SECONDS)


async def _run(engine: AsyncEngine, revision: str) -> None:
    for attempt in range(1, _LOCK_ATTEMPTS + 1):
        try:
            async with engine.begin() as connection:
                await connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
                await connection.run_sync(bring_up_to_date, revision)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE or attempt == _LOCK_ATTEMPTS:
                raise
            logger.warning("migration_waits_for_table", version=revision, attempt=attempt)
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return
