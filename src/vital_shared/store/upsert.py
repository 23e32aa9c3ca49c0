"""INSERT … ON CONFLICT, for which each database has a statement of its own."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite

__all__ = ["upsert"]


def upsert(table: Table, dialect: str) -> sqlite.Insert:
    """Begin an INSERT that can say what happens on a conflict.

    :param dialect: ``sqlite`` or ``postgresql``; their statements have the same methods for this.
    """
    if dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - large, and not needed with SQLite

    return cast("sqlite.Insert", postgresql.insert(table))
