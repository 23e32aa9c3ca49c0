"""A crash at one point of a process: at a turn of its event loop, a write of its store, or an event of a call."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sqlite3.dbapi2
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection, AsyncAdapt_asyncpg_cursor

__all__ = ["POINTS", "CrashPoint", "Crasher", "CrashingLoop", "trace_writes"]

Kind = Literal["turn", "write", "call"]

POINTS: Final[tuple[Kind, ...]] = ("turn", "write", "call")
"""Between two awaits; before a statement that writes, or a commit; around each event of a provider."""

WRITES: Final = ("INSERT", "UPDATE", "DELETE", "WITH", "COMMIT")


class CrashPoint(NamedTuple):
    """The number of the point, of one kind, at which the process dies."""

    kind: Kind
    number: int


class Crasher:
    """A counter of the points that the process has come to, from `arm` on, in any thread.

    :param point: where it dies; None: nowhere.
    """

    def __init__(self, point: CrashPoint | None) -> None:
        self.counts: Counter[str] = Counter()
        self._point = point
        self._is_armed = False
        self._lock = threading.Lock()

    def arm(self) -> None:
        """Begin to count."""
        self._is_armed = True

    def come_to(self, kind: Kind) -> None:
        """Count a point, and die if it is the one: no handler runs, and no thread goes on."""
        if not self._is_armed:
            return
        with self._lock:
            self.counts[kind] += 1
            if self._point == (kind, self.counts[kind]):
                os.kill(os.getpid(), signal.SIGKILL)


class CrashingLoop(asyncio.SelectorEventLoop):
    """An event loop, each of whose turns is a point."""

    crasher: Crasher

    def _run_once(self) -> None:
        self.crasher.come_to("turn")
        super()._run_once()  # type: ignore[misc]  # of asyncio's own loop


def trace_writes(crasher: Crasher) -> None:
    """Let each statement that writes be a point, on every connection of this process to its store."""

    def note(statement: str) -> None:
        if statement.lstrip().upper().startswith(WRITES):
            crasher.come_to("write")

    _trace_sqlite(note)
    _trace_postgres(note)


def _trace_sqlite(note: Callable[[str], None]) -> None:
    connect = sqlite3.connect

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(note)
        return connection

    sqlite3.connect = sqlite3.dbapi2.connect = traced


def _trace_postgres(note: Callable[[str], None]) -> None:
    execute, execute_many = (
        AsyncAdapt_asyncpg_cursor._prepare_and_execute,
        AsyncAdapt_asyncpg_cursor._executemany,
    )
    commit = AsyncAdapt_asyncpg_connection.commit

    async def traced(cursor: Any, operation: str, parameters: Any) -> None:
        note(operation)
        await execute(cursor, operation, parameters)

    async def traced_many(cursor: Any, operation: str, parameters: Any) -> None:
        note(operation)
        await execute_many(cursor, operation, parameters)

    def traced_commit(connection: Any) -> None:
        note("COMMIT")
        commit(connection)

    patched: Any = AsyncAdapt_asyncpg_cursor
    patched._prepare_and_execute, patched._executemany = traced, traced_many
    AsyncAdapt_asyncpg_connection.commit = traced_commit  # type: ignore[method-assign]
