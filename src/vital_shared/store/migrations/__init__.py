"""The schema's history, and how a database is brought up to date.

A change of the schema is a new file in ``versions``, written by hand, and the same change in
`vital_shared.store.tables`; a test compares the two on both databases. Engines of the version before are at
work meanwhile, and after: a change only adds what they do not need. What they do need is taken away by a
later version, which then raises ``oldest_version`` in the table ``schema_compatibility``.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, inspect, text

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.store.engines import create_engines
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
    """
    if url.database and url.get_backend_name() == "sqlite":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    with _alembic:
        asyncio.run(_upgrade(url))


async def _upgrade(url: URL) -> None:
    engines = await create_engines(url, wait_seconds=_WAIT_SECONDS)
    try:
        if url.get_backend_name() == "postgresql":
            from vital_shared.store.migrations.online import upgrade_online  # noqa: PLC0415 - not for SQLite

            await upgrade_online(engines.writer)
            return
        async with (
            engines.writer.connect() as connection,
            transaction(connection, lock_seconds=_WAIT_SECONDS),
        ):
            if not await connection.run_sync(_is_usable):
                await connection.run_sync(_run_alembic, _newest())
    finally:
        await engines.dispose()


def _versions() -> list[Path]:
    """Return the files of all versions, the oldest first."""
    return sorted((Path(__file__).parent / "versions").glob("v*.py"))


def _newest() -> str:
    return _versions()[-1].name[1:5]


def _version(connection: Connection) -> str | None:
    """Return the version of a database; None: it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


def _is_usable(connection: Connection) -> bool:
    """Return whether there is nothing to do: then Alembic, which is large, need not be loaded."""
    version, newest = _version(connection), _newest()
    if version is None or version < newest:
        return False
    if version > newest:
        if not _is_compatible(connection, newest):
            return False
        logger.warning("store_schema_is_newer", schema=version, engine=newest)
    return True


def _is_compatible(connection: Connection, newest: str) -> bool:
    """Return whether a schema that is newer than this program is one that it may use, too."""
    if not inspect(connection).has_table("schema_compatibility"):
        return False
    oldest = connection.execute(text("SELECT oldest_version FROM schema_compatibility")).scalar()
    return oldest is not None and oldest <= newest


def _run_alembic(connection: Connection, target: str) -> None:
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
