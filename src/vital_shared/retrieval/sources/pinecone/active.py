"""The index that answers searches, as last read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from vital_shared.errors import SourceError
from vital_shared.logs import get_logger
from vital_shared.retrieval.sources.pinecone.indexes import IndexRecord, IndexRecords, answering

__all__ = ["ActiveIndex"]

logger = get_logger(__name__)

READ_AGAIN_SECONDS: Final = 60.0
"""Time after which another process's choice is seen at the latest."""
RECENT_SECONDS: Final = 5.0
"""A choice that is no older need not be read again for a search that has found nothing."""


class ActiveIndex:
    """The index that answers, kept for a while, since each look costs two read units.

    :param clock: seconds, monotonic.
    """

    def __init__(self, records: IndexRecords, clock: Callable[[], float] = time.monotonic) -> None:
        self._records = records
        self._clock = clock
        self._lock = asyncio.Lock()
        self._record: IndexRecord | None = None
        self._read_at: float | None = None

    async def get(self, *, max_age_seconds: float = READ_AGAIN_SECONDS) -> IndexRecord | None:
        """Return it; None where no index is complete yet.

        A look holds up the search that makes it, and no other that has an earlier one to go by.

        :raises SourceError: when it was never read and Pinecone does not answer.
        """
        if self._read_at is not None and self._lock.locked():
            return self._record
        async with self._lock:
            if self._read_at is None or self._clock() - self._read_at > max_age_seconds:
                await self._read()
            return self._record

    def set(self, record: IndexRecord) -> None:
        """Note which one was activated."""
        self._record, self._read_at = record, self._clock()

    async def _read(self) -> None:
        try:
            records = await self._records.all()
        except SourceError as error:
            if self._read_at is None:
                raise
            logger.warning("pinecone_active_index_not_read", error=error.for_operators)
        else:
            self._record = answering(records)
        self._read_at = self._clock()
