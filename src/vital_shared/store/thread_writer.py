"""The thread that writes on SQLite, with a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine

from vital_shared.store.transactions import blocking_transaction

__all__ = ["ThreadWriter"]

T = TypeVar("T")


class ThreadWriter:
    """A thread that does work in transactions, one after the other.

    Its thread is its own, so that no other slow work in threads keeps a write waiting; its connection stays
    open, since to take one from the pool costs as much as a small statement.

    :param engine: made by `create_thread_engine`; it is disposed of with this.
    :param lock_seconds: time that writers of other processes may keep us from the file.
    """

    def __init__(self, engine: Engine, *, lock_seconds: float) -> None:
        self._engine = engine
        self._lock_seconds = lock_seconds
        self._thread = ThreadPoolExecutor(1, "vital-store")
        self._connection: Connection | None = None

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do work in a transaction; raises what it, or the database, does."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._write, work)

    def _write(self, work: Callable[[Connection], T]) -> T:
        connection, self._connection = self._connection or self._engine.connect(), None
        try:
            with blocking_transaction(connection, lock_seconds=self._lock_seconds):
                result = work(connection)
        except BaseException:
            connection.close()  # the next one begins anew: nobody knows what has become of this
            raise
        self._connection = connection
        return result

    def close(self) -> None:
        """Close it, when all is written."""
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()
