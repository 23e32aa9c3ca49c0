"""The database: connections, transactions, and one kind of error."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from itertools import chain, repeat
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

from vital_shared.errors import StoreError, VitalError, WriteRefused
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import STORE_CONFLICTS_TOTAL
from vital_shared.store.engines import (
    Engines,
    create_engines,
    create_thread_engine,
    create_thread_reader,
    parse_url,
    place,
)
from vital_shared.store.file_check import check_file
from vital_shared.store.group_commit import GroupCommit, Job, Lost
from vital_shared.store.group_read import GroupRead
from vital_shared.store.jitter import pause
from vital_shared.store.migrations import upgrade
from vital_shared.store.outage import Outage
from vital_shared.store.thread_writer import ThreadWriter
from vital_shared.store.transactions import transaction
from vital_shared.store.write_errors import has_no_connection_left, is_conflict, is_permanent, is_refusal

__all__ = ["Database"]

T = TypeVar("T")

logger = get_logger(__name__)

WAIT_SECONDS: Final = 30.0

FULL_SERVER_PAUSES: Final = (0.05, 0.1, 0.2, 0.4)
"""Mean seconds between attempts to connect to a server that has no connection left; the last one goes on."""

CONFLICTS: Final = 5
"""The number of times that a transaction is done again."""

CONFLICT_PAUSE_SECONDS: Final = 0.02
"""Mean time before a transaction is done again, in which the other one takes the lock that it waits for."""

_WRITE_NOTHING: Final = "DELETE FROM alembic_version WHERE version_num IS NULL"
"""A write that changes nothing, which a standby refuses all the same."""


class Database:
    """A database, and all connections to it; it belongs to the event loop that first uses it.

    :param url: an address with an async driver, as `vital_shared.settings.Settings.url` gives it.
    :param wait_seconds: time to wait for a connection, a lock, and the end of a statement.
    :param variable: name of the environment variable that holds the address, for error messages.
    :raises ConfigurationError: when the address cannot be used.
    """

    def __init__(
        self, url: str, *, wait_seconds: float = WAIT_SECONDS, variable: str = "VITAL_DATABASE_URL"
    ) -> None:
        self.wait_seconds = wait_seconds
        self._variable = variable
        self._url = parse_url(url, variable=variable)
        self._place = place(self._url)
        self._engines: Engines | None = None
        self._opening = asyncio.Lock()
        engine = create_thread_engine(self._url)
        self._in_thread = None if engine is None else ThreadWriter(engine, lock_seconds=wait_seconds)
        reader = create_thread_reader(self._url, wait_seconds=wait_seconds)
        self._reads = None if reader is None else GroupRead(reader)
        self._turn = asyncio.Lock()
        """The lock of this process's writers, where there is one at a time."""
        self._commits = GroupCommit(self._transact)
        self._single_commits = GroupCommit(self._transact, max_writes=1)
        self.outage = Outage()
        """The times for which it took no writes."""

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._url.get_backend_name()

    @property
    def connections(self) -> tuple[int, int]:
        """The maximum number of connections, and the number in use."""
        pools = {engine.pool for engine in self._engines or ()}  # Postgres has one for both
        queues = [pool for pool in pools if isinstance(pool, QueuePool)]
        most = sum(pool.size() + pool._max_overflow for pool in queues)  # noqa: SLF001 - not public
        return most, sum(pool.checkedout() for pool in queues)

    async def migrate(self) -> None:
        """Bring the schema up to date; any number of processes may do so at once.

        :raises StoreError: when the database is not there, or newer than this program.
        """
        with self._plain_errors():
            await self._opened()
            await asyncio.to_thread(upgrade, self._url)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection for reading; each statement sees the newest state.

        :raises StoreError: when the database is not there or does not answer.
        """
        async with self._open(lambda engines: engines.reader) as connection:
            yield connection

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Do a small read of the newest state, on SQLite in one call of a thread with others.

        :raises StoreError: when the database is not there or does not answer.
        """
        if self._reads is None:
            async with self.connect() as connection:
                return await connection.run_sync(job)
        with self._plain_errors():
            async with self._within_limit():
                return await self._reads.read(job)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction for writing: committed at the end, rolled back by an exception.

        :raises StoreError: when the database is not there or does not answer.
        """
        turn = self._turn if self._in_thread else nullcontext()
        with self._noted():
            async with AsyncExitStack() as stack:
                async with self._within_limit():
                    await stack.enter_async_context(turn)
                connection = await stack.enter_async_context(self._open(lambda engines: engines.writer))
                await stack.enter_async_context(transaction(connection, lock_seconds=self.wait_seconds))
                yield connection

    async def write(self, job: Job[T]) -> T:
        """Do a write in a transaction of its own, and again where it and another have waited for each other.

        All that it changes is in the database, since it may be done several times.

        :raises StoreError: when the database is not there or does not answer.
        """
        for _ in range(CONFLICTS):
            try:
                return await self._write_once(job)
            except StoreError as error:
                if not is_conflict(error):
                    raise
                STORE_CONFLICTS_TOTAL.labels().inc()
                logger.info("transaction_done_again", reason=error.for_operators)
            await pause(CONFLICT_PAUSE_SECONDS)
        return await self._write_once(job)

    async def _write_once(self, job: Job[T]) -> T:
        async with self.begin() as connection:
            return await connection.run_sync(job)

    async def _transact(self, work: Callable[[Connection], T]) -> T:
        """Do work in a transaction; on SQLite in a thread, where no statement costs a way there and back."""
        if self._in_thread is None:
            return await self.write(work)
        async with self._turn:
            with self._noted(), self._plain_errors():
                return await self._in_thread.write(work)

    def put(
        self,
        job: Job[T],
        after: Callable[[T], None] | None = None,
        *,
        lost: Lost | None = None,
        locks: str = "",
    ) -> asyncio.Future[T]:
        """Queue a write for a transaction that it shares with others; see `GroupCommit.put`.

        The future raises `StoreError` when the database is not there or does not answer.
        """
        return self._commits.put(job, after, lost=lost, locks=locks)

    def put_alone(
        self, job: Job[T], after: Callable[[T], None] | None = None, *, lost: Lost | None = None
    ) -> asyncio.Future[T]:
        """Queue a write for a transaction of its own, one after another; otherwise as `put`."""
        return self._single_commits.put(job, after, lost=lost)

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        :raises StoreError: when there is none.
        """
        async with self.connect() as connection:
            await connection.execute(text("SELECT 1"))

    @property
    def file(self) -> Path | None:
        """The file of SQLite; None: the database is none."""
        return None if self._in_thread is None else Path(self._url.database or "")

    async def compact(self) -> bool:
        """Write SQLite's file anew without what was deleted, and return whether its log is empty, too.

        Deleted values are overwritten, but pages that were split or merged keep copies in their free parts.
        Writers wait meanwhile. On Postgres this is autovacuum's, and its log is archived as it is set up.

        :raises StoreError: when the database is not there, or another process writes for too long.
        """
        if self._in_thread is None:
            return True
        async with self._turn, self.connect() as connection:
            await connection.execute(text("VACUUM"))
            is_busy, _, _ = (await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))).one()
        return not is_busy

    async def check(self) -> None:
        """See that the database is whole, and takes writes: it waits for the write lock, as a write does.

        :raises StoreError: when it does not.
        """
        async with self.begin() as connection:
            await connection.execute(text(_WRITE_NOTHING))
        if self._in_thread is not None:
            try:
                await asyncio.to_thread(check_file, Path(self._url.database or ""))
            except sqlite3.Error as error:
                raise self._failure("cannot be read", error) from error

    async def aclose(self) -> None:
        """Close all connections, when all is written."""
        await self._commits.aclose()
        await self._single_commits.aclose()
        if self._in_thread is not None:
            self._in_thread.close()
        if self._reads is not None:
            self._reads.close()
        if self._engines is not None:
            await self._engines.dispose()

    @asynccontextmanager
    async def _open(self, pick: Callable[[Engines], AsyncEngine]) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            with self._plain_errors():
                async with self._within_limit():
                    engines = self._engines or await self._opened()
                    with self._plain_connecting():
                        connection = await self._connected(stack, pick(engines))
                try:
                    yield connection
                except TimeoutError:  # the statement may still run: nobody else may get its connection
                    await connection.invalidate()
                    raise

    async def _connected(self, stack: AsyncExitStack, engine: AsyncEngine) -> AsyncConnection:
        """Take a connection of the pool; where the server gives no more, one that another request gives back.

        Raises what the last attempt raised, once half of the time to wait is over.
        """
        give_up_at = time.monotonic() + self.wait_seconds / 2
        for seconds in chain(FULL_SERVER_PAUSES, repeat(FULL_SERVER_PAUSES[-1])):
            try:
                return await stack.enter_async_context(engine.connect())
            except Exception as error:  # raised again; asyncpg's own are not wrapped while connecting
                if not has_no_connection_left(error) or time.monotonic() > give_up_at:
                    raise
            await pause(seconds)
        raise AssertionError  # the pauses do not end

    @asynccontextmanager
    async def _within_limit(self) -> AsyncIterator[None]:
        """Give up waiting after `wait_seconds`.

        :raises StoreError: then.
        """
        try:
            async with asyncio.timeout(self.wait_seconds):
                yield
        except TimeoutError as error:
            raise self._late() from error

    async def _opened(self) -> Engines:
        async with self._opening:
            if self._engines is None:
                with self._plain_connecting():
                    self._engines = await create_engines(self._url, wait_seconds=self.wait_seconds)
            return self._engines

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Note whether the database takes writes."""
        try:
            yield
        except StoreError as error:
            if not is_refusal(error) and not is_conflict(error):
                self.outage.note_failure()
            raise
        self.outage.note_write()

    @contextmanager
    def _plain_connecting(self) -> Iterator[None]:
        """Turn what is raised while connecting into one sentence: asyncpg's own are not wrapped then."""
        try:
            yield
        except (VitalError, TimeoutError):
            raise
        except Exception as error:
            raise self._unreachable(error) from error

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """Turn what the driver raises into one sentence."""
        try:
            yield
        except DBAPIError as error:
            kind = WriteRefused if is_permanent(error) else StoreError
            raise self._failure("refused", error.orig, kind) from error
        except SQLAlchemyError as error:
            kind = WriteRefused if is_permanent(error) else StoreError
            raise self._failure("failed", error, kind) from error
        except sqlite3.Error as error:
            raise self._failure("refused", error) from error
        except TimeoutError as error:
            raise self._late() from error
        except OSError as error:
            raise self._unreachable(error) from error

    def _failure(
        self, what: str, error: BaseException | None, kind: type[StoreError] = StoreError
    ) -> StoreError:
        """Make the error for what the driver has raised."""
        details = f"The database {self._place} {what}: {_first_line(error)}"
        return kind(f"The database {what}: {_plain(error)}").detailed(details)

    def _late(self) -> StoreError:
        return StoreError("The database did not answer in time: try again in a moment").detailed(
            f"The database {self._place} did not answer in time: check that it is running "
            "and that no other program holds its lock"
        )

    def _unreachable(self, error: Exception) -> StoreError:
        check = f"check that it is running and that {self._variable} is right"
        if self.dialect == "sqlite":
            check = (
                "its folder has to exist, or be one that can be made, and to be writable "
                f"(VITAL_DATA_DIR, or {self._variable})"
            )
        return StoreError(f"The database cannot be reached: {_plain(error)}").detailed(
            f"The database {self._place} cannot be reached ({_first_line(error)}): {check}"
        )


def _reason(error: BaseException | None) -> BaseException | None:
    """Return the driver's own error: SQLAlchemy's adapters keep it as the cause."""
    return (error and error.__cause__) or error


def _plain(error: BaseException | None) -> str:
    """Return the driver's reason without places: a server's words have addresses, users and values."""
    reason = _reason(error)
    return _first_line(reason) if isinstance(reason, sqlite3.Error) else type(reason).__name__


def _first_line(error: BaseException | None) -> str:
    """Return the driver's reason shortly."""
    reason = _reason(error)
    lines = str(reason).strip().splitlines()
    return lines[0] if lines else type(reason).__name__
