"""Sums that are written behind what they count: each second or so, in one transaction with other writes.

What was summed and not yet written is lost with a process that is killed.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, Generic, Protocol, Self, TypeVar

from sqlalchemy import Connection

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.store.database import Database

__all__ = ["WriteBehind"]

logger = get_logger(__name__)


class Addable(Protocol):
    """A sum that another one can be added to."""

    def merge(self, other: Self, /) -> None:
        """Add another sum."""


Key = TypeVar("Key")
Sum = TypeVar("Sum", bound=Addable)


class WriteBehind(ABC, Generic[Key, Sum]):
    """Sums by key, kept until the store has taken them.

    :param make: an empty sum.
    :param max_sums: sums that wait for a store that is away; beyond it new ones are dropped and logged.
    """

    _locks: ClassVar[str] = ""
    """The rows that a write shares with others; see `GroupCommit.put`."""

    def __init__(self, database: Database, make: Callable[[], Sum], max_sums: int) -> None:
        self._database = database
        self._make = make
        self._max_sums = max_sums
        self._sums: dict[Key, Sum] = {}
        self._dropped = 0

    def _sum(self, key: Key) -> Sum | None:
        """Return the sum of a key; None where there is no room for one more."""
        known = self._sums.get(key)
        if known is None:
            if len(self._sums) >= self._max_sums:
                self._dropped += 1
                return None
            known = self._sums[key] = self._make()
        return known

    @abstractmethod
    def _write(self, connection: Connection, sums: Mapping[Key, Sum]) -> None:
        """Write sums to the database."""

    @abstractmethod
    def _report_dropped(self, dropped: int) -> None:
        """Log how many were not kept."""

    @abstractmethod
    def _report_lost(self, sums: Mapping[Key, Sum]) -> None:
        """Log the sums that were never written."""

    async def flush(self) -> None:
        """Write what was summed; what the store does not take now stays."""
        sums, self._sums = self._sums, {}
        if self._dropped:
            self._report_dropped(self._dropped)
            self._dropped = 0
        if not sums:
            return
        pending = dict(sums)
        # A write goes on when this is cancelled, and takes what it has written out of what is put back.
        written = self._database.put(
            lambda connection: self._write(connection, pending), lambda _: sums.clear(), locks=self._locks
        )
        try:
            await asyncio.shield(written)
        except StoreError:
            self._put_back(sums)
        except Exception:  # whatever it is must not end the engine's clock, which calls this
            logger.exception("sums_not_written", sums=type(self).__name__)
            self._put_back(sums)

    async def aclose(self) -> None:
        """Write the last ones; what is not taken is logged."""
        await self.flush()
        if self._sums:
            self._report_lost(self._sums)

    def _put_back(self, sums: Mapping[Key, Sum]) -> None:
        for key, kept in sums.items():
            self._sums.setdefault(key, self._make()).merge(kept)
