"""Conditions on runs that have not ended, in the very words of the two partial indexes that have these alone.

A database compares no meanings, and plans a prepared statement before it knows its values: with other
words, or with parameters, each statement would read every run that there has ever been.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, and_, literal_column

from vital_shared.store.tables import runs

__all__ = ["HAS_BEGUN", "IS_QUEUED", "IS_RUNNING", "IS_WAITING"]

_QUEUED: Final[ColumnElement[str]] = literal_column("'queued'")
_RUNNING: Final[ColumnElement[str]] = literal_column("'running'")
_WAITING: Final[ColumnElement[str]] = literal_column("'awaiting_approval'")

IS_QUEUED: Final = runs.c.status == _QUEUED
"""The condition of `ix_runs_queued`."""

HAS_BEGUN: Final = runs.c.status.in_((_RUNNING, _WAITING))
"""The condition of `ix_runs_open_deadline_at`: runs that are at work, or wait for a person."""

IS_RUNNING: Final = and_(HAS_BEGUN, runs.c.status == _RUNNING)
IS_WAITING: Final = and_(HAS_BEGUN, runs.c.status == _WAITING)
