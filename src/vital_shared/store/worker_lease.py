"""The lease of this process on its durable runs: one row, renewed by a thread with its own connection.

A run's lease is that of its owner. A worker whose lease is over has died, hangs or cannot reach the store,
and others may take over its durable runs. The clock of the database decides when a lease is over. This
process also keeps its own account by a monotonic clock, from before each renewal is sent, so that it ends
before the database's.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, Double, cast, func, literal_column, select, update

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.models.fence import Fence
from vital_shared.store.database import Database
from vital_shared.store.durable_tables import workers
from vital_shared.store.open_runs import IS_RUNNING
from vital_shared.store.tables import runs
from vital_shared.store.upsert import upsert

__all__ = ["LEASE_SECONDS", "OwnedRun", "WorkerLease", "database_seconds"]

logger = get_logger(__name__)

LEASE_SECONDS: Final = 5.0
"""Seconds after its last renewal at which a worker's runs may be taken over."""

RENEWALS_PER_LEASE: Final = 5

RELEASED_AT: Final = 0.0
"""The end of a lease that its worker has given up: the runs that it has left may be taken over at once."""

JOIN_SECONDS: Final = 5.0
"""Seconds that closing waits for the thread, which may wait for a database that is away."""

NEVER: Final = float("inf")

LEASES_WAITED_FOR: Final = 2.0
"""The longest wait for the renewal of a lease that is over, in its lengths: an attempt may take one."""

ENDED: Final = "The worker has ended, and takes no lease any more."
OVER: Final = "The lease of this worker is over, and the database has not renewed it in time."


def database_seconds(dialect: str) -> ColumnElement[float]:
    """Return the time by the database's clock, in seconds since 1970."""
    if dialect == "sqlite":
        return literal_column("((julianday('now') - 2440587.5) * 86400.0)", Double)
    return cast(func.extract("epoch", func.clock_timestamp()), Double)


class OwnedRun:
    """A durable run of this process.

    :param fence: the owner and the epoch that each of its writes names.
    :param on_lost: called once, in any thread, when another worker has taken it over.
    """

    __slots__ = ("_lease", "_on_lost", "fence", "is_lost")

    def __init__(self, lease: WorkerLease, fence: Fence, on_lost: Callable[[], None]) -> None:
        self.fence = fence
        self.is_lost = False
        """Whether another worker has it for certain."""
        self._lease = lease
        self._on_lost = on_lost

    @property
    def is_held(self) -> bool:
        """Whether no other worker can have taken it over; from any thread, at next to no cost."""
        return not self.is_lost and self._lease.is_held

    def lose(self) -> None:
        """Note that another worker has it."""
        if not self.is_lost:
            self.is_lost = True
            self._on_lost()


class WorkerLease:
    """The lease of this process, once `hold` was called.

    :param url: the address of the store.
    :param seconds: the time after the last renewal at which the lease is over.
    :param clock: seconds, monotonic, for this process's own account.
    """

    def __init__(
        self, url: str, *, seconds: float = LEASE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.id = secrets.token_hex(16)
        """The id of this worker, which its runs have as their owner."""
        self.seconds = seconds
        self._url = url
        self._clock = clock
        self._until = -NEVER
        self._unbroken_since = NEVER
        self._started_at = datetime.now(UTC)
        self._owned: dict[str, OwnedRun] = {}
        self._opening = asyncio.Lock()
        self._thread: threading.Thread | None = None
        self._taken: asyncio.Future[None] | None = None
        self._renewed: list[asyncio.Future[None]] = []
        """The calls that wait for the renewal of a lease that is over."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._is_closing = False
        self._gives_up = False

    @property
    def is_held(self) -> bool:
        """Whether no other worker can have taken a run of this one; from any thread, at next to no cost."""
        return self._clock() < self._until

    @property
    def may_take_over(self) -> bool:
        """Whether this worker has held its lease for its whole length without a break.

        Where the store was away, the leases of all workers are over, and each gets the time to renew its own.
        """
        return self.is_held and self._clock() - self._unbroken_since >= self.seconds

    def own(self, run_id: str, fence: Fence, on_lost: Callable[[], None]) -> OwnedRun:
        """Watch over a durable run of this process, until `disown`."""
        owned = self._owned[run_id] = OwnedRun(self, fence, on_lost)
        return owned

    def disown(self, run_id: str, owned: OwnedRun) -> None:
        """Forget a run that has ended here, or is another worker's."""
        if self._owned.get(run_id) is owned:
            del self._owned[run_id]

    async def hold(self) -> None:
        """Take the lease, and renew it from now on; a later call waits where it is over.

        A run that began under a lease that is over would be taken over at once, its calls made twice.

        :raises StoreError: when the database does not answer, or the worker has ended.
        """
        async with self._opening:
            if self._is_closing:
                raise StoreError(ENDED)
            if self._taken is None:
                loop = asyncio.get_running_loop()
                self._taken = loop.create_future()
                work = (loop, self._taken)
                self._thread = threading.Thread(target=self._work, args=work, name="vital-lease", daemon=True)
                self._thread.start()  # it is `aclose` that ends it, also where this call is cancelled
            try:
                await asyncio.shield(self._taken)
            except Exception:  # raised again: the thread has ended with it, and the next call starts another
                self._taken = None
                raise
        if not self.is_held:
            await self._until_renewed()

    async def _until_renewed(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._renewed.append(future)
        try:
            async with asyncio.timeout(LEASES_WAITED_FOR * self.seconds):
                await future
        except TimeoutError as error:
            if not self.is_held:
                raise StoreError(OVER) from error
        finally:
            with suppress(ValueError):  # the thread has taken it meanwhile
                self._renewed.remove(future)

    async def aclose(self, *, gives_up: bool = False) -> None:
        """Stop renewing, for good.

        :param gives_up: let others take over at once what is left, and not when the lease is over.
        """
        self._gives_up, self._is_closing = gives_up, True
        if self._thread is None:
            return
        if gives_up:
            self._until = -NEVER
        if self._loop is not None and self._stopping is not None:
            with suppress(RuntimeError):  # its loop has ended by itself
                self._loop.call_soon_threadsafe(self._stopping.set)
        await asyncio.to_thread(self._thread.join, JOIN_SECONDS)
        self._thread = None

    def _work(self, starter: asyncio.AbstractEventLoop, taken: asyncio.Future[None]) -> None:
        """Renew the lease in a thread."""

        def report(error: Exception | None) -> None:
            with suppress(RuntimeError):  # its loop has ended meanwhile
                starter.call_soon_threadsafe(_settle, taken, error)

        asyncio.run(self._renew_until_stopped(report))

    async def _renew_until_stopped(self, report: Callable[[Exception | None], None]) -> None:
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._is_closing:
            report(StoreError(ENDED))
            return
        database = Database(self._url, wait_seconds=self.seconds)
        try:
            try:
                await self._renew(database)
            except Exception as error:  # noqa: BLE001 - raised by `hold`
                report(error)
                return
            report(None)
            await self._renew_again_and_again(database, self._stopping)
            if self._gives_up:
                await self._give_up(database)
        except StoreError as error:
            logger.warning("worker_lease_not_given_up", exc_info=error)
        finally:
            await database.aclose()

    async def _renew_again_and_again(self, database: Database, stopping: asyncio.Event) -> None:
        is_failing = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.seconds / RENEWALS_PER_LEASE):
                    await stopping.wait()
            if stopping.is_set():
                return
            try:
                await self._renew(database)
            except Exception as error:
                if not is_failing:
                    logger.warning("worker_lease_not_renewed", exc_info=error)
                is_failing = True
            else:
                is_failing = False

    async def _renew(self, database: Database) -> None:
        """Renew the lease; where it was over, see first which runs are still this worker's."""
        sent_at, was_held = self._clock(), self.is_held
        async with database.begin() as connection:
            is_unbroken = await connection.run_sync(_renew_row, self.id, self.seconds) and was_held
            if not is_unbroken:
                await connection.run_sync(_take_row, self.id, self.seconds, self._started_at)
                epochs = await connection.run_sync(_epochs, self.id)
        if not is_unbroken:
            if self._unbroken_since != NEVER:
                logger.warning("worker_lease_was_over", worker=self.id)
            for run_id, owned in list(self._owned.items()):
                if epochs.get(run_id) != owned.fence.epoch:
                    owned.lose()
            self._unbroken_since = sent_at
        self._until = sent_at + self.seconds
        while self._renewed:
            future = self._renewed.pop()
            with suppress(RuntimeError):  # its loop has ended meanwhile
                future.get_loop().call_soon_threadsafe(_settle, future, None)

    async def _give_up(self, database: Database) -> None:
        statement = update(workers).where(workers.c.id == self.id).values(lease_until=RELEASED_AT)
        async with database.begin() as connection:
            await connection.execute(statement)


def _settle(taken: asyncio.Future[None], error: Exception | None) -> None:
    if taken.done():
        return
    if error is None:
        taken.set_result(None)
    else:
        taken.set_exception(error)


def _renew_row(connection: Connection, worker: str, seconds: float) -> bool:
    """Renew a lease, and return whether it was not over."""
    now = database_seconds(connection.dialect.name)
    own = update(workers).where(workers.c.id == worker, workers.c.lease_until > now)
    return bool(connection.execute(own.values(lease_until=now + seconds)).rowcount)


def _take_row(connection: Connection, worker: str, seconds: float, started_at: datetime) -> None:
    """Take a lease: the first one of this worker, or one that was over."""
    until = database_seconds(connection.dialect.name) + seconds
    statement = upsert(workers, connection.dialect.name).values(
        id=worker, host=socket.gethostname(), started_at=started_at, lease_until=until
    )
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"lease_until": until}))


def _epochs(connection: Connection, worker: str) -> dict[str, int]:
    """Return the epochs of the runs that are a worker's, by run."""
    statement = select(runs.c.id, runs.c.epoch).where(IS_RUNNING, runs.c.owner == worker)
    return {row.id: row.epoch for row in connection.execute(statement)}
