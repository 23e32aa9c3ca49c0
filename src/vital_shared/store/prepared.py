"""Statements of each run, which on SQLite go to the driver as they were compiled once.

SQLAlchemy takes twice as long to execute a small statement as the driver does. What it adds (the statement's
key in its cache, a context, a result) is the same each time for a statement that never changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Executable
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["Prepared"]

_DRIVER: Final = "pysqlite"
"""The driver that is called from the thread that writes."""


class _Compiled(NamedTuple):
    sql: str
    names: Sequence[str]
    """The parameters, by position."""
    fixed: Mapping[str, Any]
    """The values of those that the statement itself holds."""
    processors: Mapping[str, Any]
    """Functions that make what the driver takes of the values of some parameters."""


class Prepared:
    """A statement whose results need no conversion.

    :param statement: the statement; all parameters that vary are named.
    :param columns: the columns that an INSERT without values gets; None: the statement names them.
    """

    def __init__(self, statement: Executable, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: _Compiled | None = None

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Execute it, and return the number of changed rows. Raises what `Connection.execute` does."""
        if connection.dialect.driver != _DRIVER:
            return connection.execute(self._statement, dict(values)).rowcount
        changed, _ = self._by_driver(connection, values)
        return changed

    def returned(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Execute it for each row, and return the first column of what it returns.

        Raises what `Connection.execute` does.
        """
        if connection.dialect.driver != _DRIVER:  # one message for all
            return list(connection.execute(self._statement, [dict(row) for row in rows]).scalars())
        return [value for row in rows for (value,) in self._by_driver(connection, row)[1]]

    def _by_driver(self, connection: Connection, values: Mapping[str, Any]) -> tuple[int, Sequence[Any]]:
        sql, names, fixed, processors = self._compiled or self._compile(connection)
        cursor = connection.connection.cursor()
        try:
            given = {**fixed, **values}
            cursor.execute(
                sql, [processors[name](given[name]) if name in processors else given[name] for name in names]
            )
            rows = cursor.fetchall()
        except Exception:  # nothing has changed: SQLAlchemy raises its own error for the same values
            connection.execute(self._statement, dict(values))
            raise
        else:
            return cursor.rowcount, rows
        finally:
            cursor.close()

    def _compile(self, connection: Connection) -> _Compiled:
        compiled = self._statement.compile(dialect=connection.dialect, column_keys=self._columns)  # type: ignore[attr-defined]  # every statement has it
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - for the type checker: what a statement becomes
        self._compiled = _Compiled(
            str(compiled),
            compiled.positiontup or (),
            {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required},
            compiled._bind_processors,  # noqa: SLF001 - what SQLAlchemy itself applies to each execution
        )
        return self._compiled
