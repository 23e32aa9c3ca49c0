"""The migrations, run by Alembic, which is large: loaded where there is something to migrate."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from vital_shared.errors import StoreError

__all__ = ["run_alembic"]


def run_alembic(connection: Connection, target: str) -> None:
    """Run the migrations up to a version, in the transaction of a connection.

    :raises StoreError: when the database's own version is not known.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, target)
    except CommandError as error:
        raise StoreError(f"The schema of the database cannot be used: {error}") from error
