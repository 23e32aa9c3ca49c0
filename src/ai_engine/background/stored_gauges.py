"""Gauges that show what the store says, so that all workers show the same."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Final, TypeAlias

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.monitoring.instrument import Gauge

__all__ = ["Series", "StoredGauges"]

logger = get_logger(__name__)

MAX_READING_SHARE: Final = 0.05
"""The largest share of the time that readings take: slow ones, as of many thousand limits, are rarer."""

Series: TypeAlias = tuple[Gauge, *tuple[str, ...]]
"""A gauge, and the values of its labels."""


class StoredGauges:
    """The gauges that are kept up to date from the store.

    :param subject: the word for them in the log.
    :param read: reads the values of all series that there are to be; any other is no longer shown.
    :param seconds: between two readings, if they are quick.
    """

    def __init__(
        self, subject: str, read: Callable[[], Awaitable[Mapping[Series, float]]], seconds: float = 10.0
    ) -> None:
        self._subject = subject
        self._read = read
        self._seconds = seconds
        self._shown: set[Series] = set()

    async def watch(self) -> None:
        """Refresh again and again, until cancelled; one slow reading in a row may be a stall of the store."""
        took_before = math.inf
        while True:
            rest, began = self._seconds, perf_counter()
            try:
                await self.refresh()
            except StoreError as error:
                logger.warning("stored_gauges_not_refreshed", subject=self._subject, exc_info=error)
            else:
                took = perf_counter() - began
                rest = max(rest, min(took, took_before) / MAX_READING_SHARE)
                took_before = took
            await asyncio.sleep(rest)

    async def refresh(self) -> None:
        """Show what the store says now.

        :raises StoreError: when it does not answer.
        """
        values = await self._read()
        for gauge, *labels in self._shown - values.keys():  # first: there may be room for no more than these
            gauge.remove(*labels)
        for (gauge, *labels), value in values.items():
            gauge.labels(*labels).set(value)
        self._shown = set(values)
