"""The store: its database, its clock and its runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime

from vital_shared.settings import Settings
from vital_shared.store.database import Database
from vital_shared.store.journal import Journal
from vital_shared.store.runs import RunStore
from vital_shared.store.spool import Spool
from vital_shared.store.store_clock import StoreClock
from vital_shared.store.worker_lease import WorkerLease

__all__ = ["Store"]


@dataclass(frozen=True, slots=True)
class Store:
    """A store whose schema is current, and which has what earlier processes had left to be written."""

    database: Database
    now: StoreClock
    """The clock of the store, which all engines that use the store share."""
    lease: WorkerLease
    """The lease of this process on its durable runs; it is held as soon as there is one."""
    runs: RunStore
    closing: AsyncExitStack
    """The resources to close, in order."""

    @classmethod
    async def open(cls, settings: Settings, now: Callable[[], datetime] | None = None) -> Store:
        """Open the store, migrate it to the current version, and write what earlier processes could not.

        It is no asynchronous generator: a loop that ends would close one while its owner closes it, too.

        :param now: a clock to use instead of the store's.
        :raises StoreError: when the database cannot be reached.
        """
        async with AsyncExitStack() as stack:
            database = Database(settings.url, wait_seconds=settings.store_seconds)
            stack.push_async_callback(database.aclose)
            await database.migrate()
            longest_run = settings.run_timeout_seconds + settings.store_seconds
            clock = StoreClock(now, longest_run_seconds=longest_run)
            await clock.read(database)
            lease = WorkerLease(settings.url, seconds=settings.lease_seconds)
            stack.push_async_callback(lease.aclose, gives_up=True)
            spool, journal = Spool(settings.data_dir / "owed"), Journal(settings.data_dir / "open-runs")
            runs = RunStore(database, spool, journal, worker=lease.id, recent_jump=clock.recent_jump)
            stack.callback(journal.close)
            stack.push_async_callback(runs.charge_writer.aclose)
            await runs.charge_writer.recover()
            return cls(database, clock, lease, runs, stack.pop_all())

    async def aclose(self) -> None:
        """Close all resources."""
        await self.closing.aclose()
