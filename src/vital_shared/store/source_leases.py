"""Leases, so that at most one process brings a source up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import uuid4

from sqlalchemy import delete, or_

from vital_shared.errors import Conflict
from vital_shared.store.database import Database
from vital_shared.store.source_tables import source_leases
from vital_shared.store.upsert import upsert

__all__ = ["LEASE_SECONDS", "SourceLease"]

T = TypeVar("T")

LEASE_SECONDS: Final = 10.0
"""Time after which the lease of a process that was killed is free."""
RENEW_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.5


class SourceLease:
    """The right to write to a source.

    :param source: name of the source.
    :param now: the time, in UTC.
    """

    def __init__(self, database: Database, source: str, now: Callable[[], datetime]) -> None:
        self._database = database
        self._source = source
        self._now = now
        self._holder = uuid4().hex

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do work under the lease, waiting for one who has it; the work is cancelled where the lease is lost.

        :raises Conflict: when another process has taken the lease, since this one stood still for too long.
        """
        while True:
            if await self._take():
                break
            await asyncio.sleep(POLL_SECONDS)
        return await self._hold(work)

    async def run_if_free(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Do work under the lease; None: another process has it.

        :raises Conflict: as `run` does.
        """
        return await self._hold(work) if await self._take() else None

    async def _hold(self, work: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.TaskGroup() as group:
                renewing = group.create_task(self._renew())
                result = await work()
                renewing.cancel()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            await self._release()
        return result

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if not await self._take():
                raise Conflict(f"Another process has begun to bring the source {self._source} up to date.")

    async def _take(self) -> bool:
        now = self._now()
        row = {
            "source": self._source,
            "holder": self._holder,
            "expires_at": now + timedelta(seconds=LEASE_SECONDS),
        }
        insert = upsert(source_leases, self._database.dialect).values(row)
        statement = insert.on_conflict_do_update(
            index_elements=["source"],
            set_={"holder": insert.excluded.holder, "expires_at": insert.excluded.expires_at},
            where=or_(source_leases.c.holder == self._holder, source_leases.c.expires_at < now),
        ).returning(source_leases.c.holder)
        async with self._database.begin() as connection:
            return (await connection.execute(statement)).scalar() is not None

    async def _release(self) -> None:
        mine = (source_leases.c.source == self._source) & (source_leases.c.holder == self._holder)
        async with self._database.begin() as connection:
            await connection.execute(delete(source_leases).where(mine))
