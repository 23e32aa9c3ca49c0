"""The schema's history, and how a database is brought up to date.

A change of the schema is a new file in ``versions``, written by hand, and the same change in
`vital_shared.store.tables`; a test compares the two on both databases.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from sqlalchemy import URL, Connection, inspect, text

from vital_shared.errors import StoreError
from vital_shared.store.engines import create_engines
from vital_shared.store.transactions import transaction

__all__ = ["upgrade"]

_ADVISORY_LOCK = 0x564954414C  # "VITAL", a number that other programs on this server do not use
_WAIT_SECONDS = 60.0
"""Seconds that another process may take to migrate, or one statement."""
_alembic = threading.Lock()
"""Alembic keeps the migration at work in a global variable."""


def upgrade(url: URL) -> None:
    """Bring the schema to the newest version. Blocks: run it in a thread.

    It is one transaction that takes the write lock before it looks at the version. So of many
    processes one migrates, the others wait and find nothing to do, and a process that is killed
    midway leaves nothing half made.
    """
    if url.database and url.get_backend_name() == "sqlite":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    with _alembic:
        asyncio.run(_upgrade(url))


async def _upgrade(url: URL) -> None:
    engines = await create_engines(url, wait_seconds=_WAIT_SECONDS)
    try:
        # SQLite locks here
        async with (
            engines.writer.connect() as connection,
            transaction(connection, lock_seconds=_WAIT_SECONDS),
        ):
            if connection.dialect.name == "postgresql":
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            if not await connection.run_sync(_is_newest):
                await connection.run_sync(_run_alembic)
    finally:
        await engines.dispose()


def _is_newest(connection: Connection) -> bool:
    """Return whether the schema is current: then Alembic, which is large, need not be loaded."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    newest = max(file.name for file in (Path(__file__).parent / "versions").glob("v*.py"))
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return bool(version == newest[1:5])


def _run_alembic(connection: Connection, target: str = "head") -> None:
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, target)
    except CommandError as error:
        raise StoreError(f"The schema of the database cannot be used: {error}") from error
