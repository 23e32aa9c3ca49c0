"""The schema's history, and how a database is brought up to date.

A change of the schema is a new file in ``versions``, written by hand, and the same change in
`vital_shared.store.tables`; a test compares the two on both databases. Engines of the version before are at
work meanwhile, and after: a change only adds what they do not need. What they do need is taken away by a
later version, which then raises ``oldest_version`` in the table ``schema_compatibility``.
"""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from pathlib import Path
from typing import Final

from sqlalchemy import URL

from vital_shared.logs import get_logger
from vital_shared.store.engines import create_engines
from vital_shared.store.migrations.history import bring_up_to_date, is_usable
from vital_shared.store.migrations.online import upgrade_online
from vital_shared.store.transactions import transaction

__all__ = ["upgrade"]

logger = get_logger(__name__)

_WAIT_SECONDS: Final = 60.0
"""Seconds that another process may take to migrate a SQLite file, or one statement."""
_alembic = threading.Lock()
"""Alembic keeps the migration at work in a global variable."""


def upgrade(url: URL) -> None:
    """Bring the schema to the newest version. Blocks: run it in a thread.

    Of many processes one migrates, the others wait and find nothing to do, and a process that is killed
    midway leaves nothing half made: on SQLite, and of an empty database on Postgres, it is one transaction;
    else it is one for each version, see `vital_shared.store.migrations.online`.

    :raises StoreError: when the schema is newer than this program and not for it.
    :raises sqlite3.Error: when SQLite cannot open the file.
    """
    if url.database and url.get_backend_name() == "sqlite":
        _make_private_file(Path(url.database))
        _try_to_open(Path(url.database))
    with _alembic:
        asyncio.run(_upgrade(url))


def _make_private_file(path: Path) -> None:
    """Make a file that only its owner may read, for questions and answers; one that is there stays as it is.

    SQLite gives the permissions of a file to the log beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
    elif path.stat().st_mode & stat.S_IROTH:  # as versions before 0.1.0 made it
        logger.warning("store_readable_by_everybody", file=str(path), hint=f"chmod o= {path}*")


def _try_to_open(path: Path) -> None:
    """Open the file and close it: a connection of the asynchronous driver that fails outlives its event loop.

    Its thread would then print that the loop is closed.
    """
    sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True).close()


async def _upgrade(url: URL) -> None:
    engines = await create_engines(url, wait_seconds=_WAIT_SECONDS, may_create=True)
    try:
        if url.get_backend_name() == "postgresql":
            await upgrade_online(engines.writer)
            return
        async with (
            engines.writer.connect() as connection,
            transaction(connection, lock_seconds=_WAIT_SECONDS),
        ):
            if not await connection.run_sync(is_usable):
                await connection.run_sync(bring_up_to_date)
    finally:
        await engines.dispose()
