"""See that a SQLite file is there and whole enough to be opened."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["check_file"]


def check_file(path: Path) -> None:
    """Read the file anew: open connections go on with pages in memory, and with a file that was deleted.

    Blocks: run it in a thread.

    :raises sqlite3.Error: when it cannot be read.
    """
    address = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, timeout=1)) as connection:
        connection.execute("SELECT version_num FROM alembic_version").fetchall()
