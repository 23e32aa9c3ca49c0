"""Many small writes in one transaction: writes that wait while one is committed go along with the next.

A commit costs more than what is written, and SQLite takes one at a time. So a write that comes while another
is at work waits, and all that wait share a transaction. If one of them fails, the transaction is rolled back
and each half is tried without the other, so that no write suffers from another's error. Each caller waits
until its own write is durable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from functools import partial
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection

from vital_shared.errors import StoreError, WriteRefused
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import STORE_CALLBACK_FAILURES_TOTAL
from vital_shared.store.write_errors import describe

__all__ = ["GroupCommit", "Job", "Lost", "Transact"]

logger = get_logger(__name__)

T = TypeVar("T")

Job = Callable[[Connection], T]
"""A write, with a connection within a transaction. It may be run again after a rollback, and in another
thread, so all that it changes is in the database."""

Lost = Callable[[], None]
"""A function that is called when the database has not said whether a write that was done is committed."""

Work = Callable[[Connection], list[Any]]

Transact = Callable[[Work], Awaitable[list[Any]]]
"""A function that does something in a transaction, and commits it."""

MAX_BATCH_WRITES: Final = 100
"""Maximum number of writes in one transaction: more would keep the first ones waiting."""


class _Waiting(NamedTuple):
    job: Job[Any]
    done: asyncio.Future[Any]
    after: Callable[[Any], None] | None
    """Called with the result once it is committed. With it the job is done also when nobody waits."""
    lost: Lost | None
    locks: str


class GroupCommit:
    """One writer of one database.

    :param transact: does work in a transaction.
    :param max_writes: maximum number of writes in one transaction.
    """

    def __init__(self, transact: Transact, max_writes: int = MAX_BATCH_WRITES) -> None:
        self._transact = transact
        self._max_writes = max_writes
        self._queue: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(
        self,
        job: Job[T],
        after: Callable[[T], None] | None = None,
        *,
        lost: Lost | None = None,
        locks: str = "",
    ) -> asyncio.Future[T]:
        """Queue a write; the future has its result once it is committed, or what it or the commit has raised.

        :param after: called at once when it is committed; an exception in it is logged and counted. With it
            the job is done even if the future is cancelled; without, a job whose future is cancelled before
            its turn is dropped.
        :param lost: called at once when the commit itself has failed, so that it may be there or not.
        :param locks: names the rows that it locks and others lock too. Within a transaction jobs run in the
            order of these names, so that no two processes wait for each other.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(job, done, after, lost, locks))
        if self._task is None or self._task.done():
            # In a context of its own: what is written belongs to many, not to who happens to come first.
            self._task = asyncio.get_running_loop().create_task(self._drain(), context=Context())
        return done

    async def aclose(self) -> None:
        """Wait until all is written."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        try:
            while self._queue:
                taken = [self._queue.popleft() for _ in range(min(self._max_writes, len(self._queue)))]
                taken.sort(key=attrgetter("locks"))
                await self._write([each for each in taken if each.after or not each.done.done()])
        finally:  # only a loop that ends cancels this task: the futures that still wait are cancelled
            _cancel(self._queue)
            self._queue.clear()

    async def _write(self, batch: Sequence[_Waiting]) -> StoreError | None:
        """Write a batch in one transaction, and return what the database has raised, if it is away."""
        at_work = is_done = False

        def work(connection: Connection) -> list[Any]:
            nonlocal at_work, is_done
            at_work, is_done = True, False
            results = [each.job(connection) for each in batch]
            at_work, is_done = False, True
            return results

        try:
            results = await self._transact(work)
        except Exception as error:  # noqa: BLE001 - it is its writer's
            is_late = isinstance(error.__cause__, TimeoutError)  # each half would be late, too
            if at_work and not is_late and len(batch) > 1:
                return await self._write_halves(batch)
            away = None if at_work and not is_late else _away(error)
            if is_done:
                _lose(batch)
            _fail(batch, away or error)
            return away
        except BaseException:
            _cancel(batch)
            raise
        for each, result in zip(batch, results, strict=True):
            if each.after is not None:
                _call(partial(each.after, result))
            if not each.done.done():
                each.done.set_result(result)
        return None

    async def _write_halves(self, batch: Sequence[_Waiting]) -> StoreError | None:
        """Try each half, as long as the database is there: were it gone, each would wait for it anew."""
        middle = len(batch) // 2
        try:
            error = await self._write(batch[:middle])
        except BaseException:
            _cancel(batch[middle:])
            raise
        if error is not None:
            _fail(batch[middle:], error)
            return error
        return await self._write(batch[middle:])


def _lose(batch: Sequence[_Waiting]) -> None:
    for each in batch:
        if each.lost is not None:
            _call(each.lost)


def _call(hook: Callable[[], None]) -> None:
    """Call a hook; its write is what it is, whatever it raises, and its neighbours' are too."""
    try:
        hook()
    except Exception:
        STORE_CALLBACK_FAILURES_TOTAL.labels().inc()
        logger.exception("store_callback_failed")


def _away(error: Exception) -> StoreError:
    """Return the error of a transaction that failed outside of its jobs: none of them is to blame."""
    if isinstance(error, StoreError) and not isinstance(error, WriteRefused):
        return error
    away = StoreError("The transaction failed: try again in a moment").detailed(describe(error))
    away.__cause__ = error
    return away


def _fail(batch: Sequence[_Waiting], error: BaseException) -> None:
    for each in batch:
        if not each.done.done():
            each.done.set_exception(error)


def _cancel(batch: Sequence[_Waiting] | deque[_Waiting]) -> None:
    for each in batch:
        each.done.cancel()
