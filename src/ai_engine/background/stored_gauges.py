"""Gauges that show what the store says, so that all workers show the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Final, TypeAlias

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.monitoring.instrument import Gauge
from vital_shared.restarting_task import Sleep

__all__ = ["Series", "StoredGauges"]

logger = get_logger(__name__)

MAX_READING_SHARE: Final = 0.05
"""The largest share of the time that readings take: slow ones, as of many thousand limits, are rarer."""

MAX_PAUSE_SECONDS: Final = 60.0
"""The longest pause between two readings, however slow: alerts on budgets are no later than this."""

Series: TypeAlias = tuple[Gauge, *tuple[str, ...]]
"""A gauge, and the values of its labels."""


class StoredGauges:
    """The gauges that are kept up to date from the store.

    :param subject: the word for them in the log.
    :param read: reads the values of all series that there are to be; any other is no longer shown.
    :param seconds: between two readings, if they are quick.
    :param sleep: waits for seconds.
    """

    def __init__(
        self,
        subject: str,
        read: Callable[[], Awaitable[Mapping[Series, float]]],
        seconds: float = 10.0,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._subject = subject
        self._read = read
        self._seconds = seconds
        self._sleep = sleep
        self._shown: set[Series] = set()

    async def watch(self) -> None:
        """Refresh again and again, until cancelled; one slow reading in a row may be a stall of the store.

        The first one may be slow because the engine is starting.
        """
        took_before = 0.0
        while True:
            rest, began = self._seconds, perf_counter()
            try:
                await self.refresh()
            except StoreError as error:
                logger.warning("stored_gauges_not_refreshed", subject=self._subject, exc_info=error)
            else:
                took = perf_counter() - began
                fair = min(took, took_before) / MAX_READING_SHARE
                rest = max(rest, min(fair, MAX_PAUSE_SECONDS))
                took_before = took
            await self._sleep(rest)

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
