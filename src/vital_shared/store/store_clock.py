"""The time that the engines of one store have in common.

Deadlines, budgets' days and what is kept for how long are stored by one engine and read by others, whose
machines' clocks may differ by minutes, or be set while they serve.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from vital_shared.logs import get_logger
from vital_shared.store.database import Database
from vital_shared.store.worker_lease import database_seconds

__all__ = ["StoreClock"]

logger = get_logger(__name__)

NOTED_SECONDS: Final = 5.0
"""A difference between two clocks that is worth a warning; less is the way to the store and back."""


def seconds_since_boot() -> float:
    """Return a time that nobody sets, with the time for which the machine slept where the system has that."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class StoreClock:
    """The time of the store, once it was read.

    That of a Postgres server goes on between two readings by the time since this machine was started, so that
    a wrong clock of this machine changes nothing, nor one that is set. That of SQLite is this machine's.

    :param given: a clock that counts in place of the store's, which is then never read.
    :param longest_run_seconds: the time from the start of a run to its deadline, at most.
    :param machine: this machine's clock.
    :param elapsed: seconds that only go up.
    :param at_work: the same without the time for which the machine slept, by which runs go.
    """

    def __init__(
        self,
        given: Callable[[], datetime] | None = None,
        *,
        longest_run_seconds: float = 0.0,
        machine: Callable[[], datetime] = lambda: datetime.now(UTC),
        elapsed: Callable[[], float] = seconds_since_boot,
        at_work: Callable[[], float] = time.monotonic,
    ) -> None:
        self._given = given
        self._longest_run_seconds = longest_run_seconds
        self._machine = machine
        self._elapsed = elapsed
        self._at_work = at_work
        self._is_served = False
        self._read: datetime | None = None
        self._read_at = self._worked_until = 0.0
        self._jump = timedelta()
        self._jumped_at = 0.0

    def __call__(self) -> datetime:
        """Return the time, in UTC."""
        if self._given is not None:
            return self._given()
        if self._read is None or not self._is_served:
            return self._machine()
        return self._read + timedelta(seconds=self._elapsed() - self._read_at)

    async def read(self, database: Database) -> None:
        """Read the store's clock; what it is ahead of this machine's, or has been set by, is logged.

        :raises StoreError: when the store does not answer.
        """
        if self._given is not None:
            return
        sent_at = self._elapsed()
        seconds = await database.read(_seconds)
        way, works = self._elapsed() - sent_at, self._at_work()
        read, was = datetime.fromtimestamp(seconds, UTC), self._read
        if was is None:
            self._warn("store_clock_differs", read - self._machine(), way)
        else:
            jump = read - was - timedelta(seconds=works - self._worked_until)
            if self._warn("store_clock_jumped", jump, way):
                self._jump, self._jumped_at = max(self.recent_jump() + jump, timedelta()), works
        self._is_served = database.file is None
        self._read, self._read_at, self._worked_until = read, sent_at + way / 2, works

    def recent_jump(self) -> timedelta:
        """Return by how much it was set forward, or the machine slept, while runs of before may be at work.

        Such a run goes by the time for which its machine works: its deadline is over by so much later.
        """
        is_recent = self._at_work() - self._jumped_at < self._longest_run_seconds
        return self._jump if is_recent else timedelta()

    def _warn(self, event: str, difference: timedelta, way: float) -> bool:
        seconds = difference.total_seconds()
        is_noted = abs(seconds) > NOTED_SECONDS + way
        if is_noted:
            logger.warning(event, seconds=round(seconds, 1))
        return is_noted


def _seconds(connection: Connection) -> float:
    found: float = connection.execute(select(database_seconds(connection.dialect.name))).scalar_one()
    return found
