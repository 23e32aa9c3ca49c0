"""Many small reads on SQLite in one go: the way to a thread and back costs more than a small statement.

Reads that come while others are under way wait, and all that wait are done one after another by the next call
of the thread. Each statement sees the newest state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine

__all__ = ["GroupRead"]

T = TypeVar("T")


class _WaitingRead(NamedTuple):
    job: Callable[[Connection], Any]
    done: asyncio.Future[Any]


class _FailedRead(NamedTuple):
    error: BaseException


class GroupRead:
    """One thread that reads, with a connection that stays open.

    :param engine: made by `create_thread_reader`; it is disposed of with this.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, "vital-reads")
        self._connection: Connection | None = None
        self._waiting: list[_WaitingRead] = []
        self._is_reading = False

    def read(self, job: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Queue a read; the future has its result, or the exception that the job raised."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_WaitingRead(job, done))
        if not self._is_reading:
            self._is_reading = True
            loop.call_soon(self._begin, loop)  # with those that are asked for in this turn of the loop
        return done

    def close(self) -> None:
        """Close the connection, once what is under way is read."""
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = [each for each in self._waiting if not each.done.done()]
        self._waiting = []
        if not batch:
            self._is_reading = False
            return
        reading = loop.run_in_executor(self._thread, self._read, [each.job for each in batch])
        reading.add_done_callback(lambda read: self._ended(loop, batch, read))

    def _ended(
        self, loop: asyncio.AbstractEventLoop, batch: list[_WaitingRead], read: asyncio.Future[list[Any]]
    ) -> None:
        if read.cancelled():  # the loop ends
            results: list[Any] = [_FailedRead(asyncio.CancelledError())] * len(batch)
        else:
            results = read.result()
        for each, result in zip(batch, results, strict=True):
            if each.done.done():
                continue
            if isinstance(result, _FailedRead):
                each.done.set_exception(result.error)
            else:
                each.done.set_result(result)
        self._begin(loop)

    def _read(self, jobs: list[Callable[[Connection], Any]]) -> list[Any]:
        return [self._one(job) for job in jobs]

    def _one(self, job: Callable[[Connection], Any]) -> Any:
        try:
            connection, self._connection = self._connection or self._engine.connect(), None
            try:
                result = job(connection)
                connection.rollback()  # of what SQLAlchemy begins by itself: nothing in the database
            except BaseException:
                connection.close()  # the next one begins anew: nobody knows what has become of this
                raise
            self._connection = connection
        except Exception as error:  # noqa: BLE001 - it is its reader's
            return _FailedRead(error)
        else:
            return result
