"""The versions of the schema, and which of them a database has."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from sqlalchemy import Connection, inspect, text

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger

__all__ = ["bring_up_to_date", "is_usable", "steps_after", "version_of"]

logger = get_logger(__name__)


def _versions() -> list[Path]:
    """Return the files of all versions, the oldest first."""
    return sorted((Path(__file__).parent / "versions").glob("v*.py"))


def _newest() -> str:
    return _versions()[-1].name[1:5]


def version_of(connection: Connection) -> str | None:
    """Return the version of a database; None: it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


def is_usable(connection: Connection) -> bool:
    """Return whether there is nothing to do: then Alembic, which is large, need not be loaded."""
    version, newest = version_of(connection), _newest()
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


def steps_after(version: str) -> list[ModuleType]:
    """Return the versions that follow one, the oldest first.

    :raises StoreError: when this program does not know it.
    """
    newest = _newest()
    if version > newest:
        raise StoreError(
            f"The schema of the database is of version {version}, and this engine knows only {newest}: "
            "start a newer engine"
        )
    names = (path.stem for path in _versions())
    return [
        import_module(f"{__package__}.versions.{name}") for name in names if version < name[1:5] <= newest
    ]


def bring_up_to_date(connection: Connection, target: str | None = None) -> None:
    """Run the migrations up to a version, in the transaction of a connection; None: the newest.

    :raises StoreError: when the database's own version is not known.
    """
    from vital_shared.store.migrations.alembic_upgrade import run_alembic  # noqa: PLC0415 - see `is_usable`

    run_alembic(connection, target or _newest())
