"""Whether the database will ever take a write that it has refused."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import (
    CompileError,
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)

from vital_shared.errors import StoreError, VitalError, WriteRefused

__all__ = ["describe", "has_no_connection_left", "is_conflict", "is_permanent", "is_refusal"]

_PERMANENT: Final = (IntegrityError, DataError, ProgrammingError, NotSupportedError)

_PERMANENT_STATES: Final = frozenset({"0A", "21", "22", "23", "42", "44", "54"})
"""Classes of SQLSTATE: not supported, wrong number of values, bad data, a constraint, a wrong statement, a
check option, a limit of the program (PostgreSQL, appendix A, "Error codes")."""

_MENDED_STATES: Final = frozenset({"42501", "42P01", "42703"})
"""SQLSTATE of a permission, a table or a column that is missing: somebody may grant it, or be restoring or
migrating the database, so the write is taken later."""

_CONFLICTS: Final = frozenset({"40001", "40P01"})
"""SQLSTATE of a transaction that has read what another has changed, and of two that wait for each other."""

_TOO_MANY_CONNECTIONS: Final = "53300"
"""SQLSTATE of a server, or a role, that has as many connections as it may."""

_NOT_SUPPORTED: Final = "0A000"
"""Among others of a prepared statement whose table a migration has changed: prepared anew, it is taken."""

_PRIMARY_CODE: Final = 0xFF
"""SQLite's extended codes have the primary one in their lowest byte (https://www.sqlite.org/rescode.html)."""


def is_permanent(error: SQLAlchemyError) -> bool:
    """Return whether the write would be refused again; a database that is away or busy takes it later."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, CompileError | StatementError)  # a value that no column can take
    if error.connection_invalidated:
        return False
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        if "cached" in str(error.orig) and state == _NOT_SUPPORTED:
            return False
        return state[:2] in _PERMANENT_STATES and state not in _MENDED_STATES
    if isinstance(error, _PERMANENT) or _is_encoding(error):
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY_CODE == sqlite3.SQLITE_ERROR


def is_conflict(error: BaseException) -> bool:
    """Return whether a transaction has failed since it stood in another's way: done again, it is taken."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) in _CONFLICTS


def has_no_connection_left(error: BaseException) -> bool:
    """Return whether a connection was refused since others have all that there may be."""
    refusal = error.orig if isinstance(error, DBAPIError) else error  # the driver's own is not always wrapped
    return getattr(refusal, "sqlstate", None) == _TOO_MANY_CONNECTIONS


def is_refusal(error: BaseException) -> bool:
    """Return whether a queued write failed for good: refused by the database, or by its own code."""
    is_away = isinstance(error, StoreError) and not isinstance(error, WriteRefused)
    return isinstance(error, Exception) and not is_away


def describe(error: BaseException) -> str:
    """Write an error in one line, for operators."""
    said = error.for_operators if isinstance(error, VitalError) else error
    return " ".join(f"{type(error).__name__}: {said}".split())


def _is_encoding(error: DBAPIError) -> bool:
    """Return whether asyncpg could not encode a value, which it calls an error of its interface."""
    cause = error.orig and error.orig.__cause__
    return isinstance(cause, ValueError | TypeError | OverflowError)
