"""The source of the metrics that `GET /metrics` shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from vital_shared.monitoring.exposition import render
from vital_shared.monitoring.metrics import REGISTRY

__all__ = ["Scrape", "Shared", "scrape_alone"]

Scrape: TypeAlias = Callable[[bool], Awaitable[bytes]]
"""A source of all metrics as text: OpenMetrics, or else Prometheus' own format."""


async def scrape_alone(as_openmetrics: bool) -> bytes:
    """Give the metrics of a process that is alone."""
    return await asyncio.to_thread(render, REGISTRY, as_openmetrics=as_openmetrics)


class Shared:
    """A scrape shared by any number of clients, at the price of two: one that comes later gets the next.

    :param scrape: makes one.
    """

    def __init__(self, scrape: Scrape) -> None:
        self._scrape = scrape
        self._next: dict[bool, asyncio.Task[bytes]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, as_openmetrics: bool) -> bytes:
        """Give all metrics as they stand now, or a little later."""
        task = self._next.get(as_openmetrics)
        if task is None:
            task = self._next[as_openmetrics] = asyncio.create_task(self._make(as_openmetrics))
        return await asyncio.shield(task)  # others may wait for it too

    async def _make(self, as_openmetrics: bool) -> bytes:
        async with self._one_at_a_time:
            del self._next[as_openmetrics]
            return await self._scrape(as_openmetrics)
