"""The engine's own samples: taken at an even pace, and kept for some hours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias

from vital_shared.monitoring.sample_ring import SAMPLE_INTERVAL_SECONDS, SampleRing, SampleSet
from vital_shared.monitoring.snapshot import Snapshot

__all__ = ["OwnSamples", "SampleSource"]

SampleSource: TypeAlias = Callable[[Collection[str]], Awaitable[SampleSet]]
"""A source of the samples of some names, merged over all workers."""


class OwnSamples:
    """A ring of samples that fills itself.

    :param gather: gives what all workers count.
    :param clock: the time, in seconds since 1970.
    """

    def __init__(
        self, gather: Callable[[], Awaitable[Snapshot]], clock: Callable[[], float] = time.time
    ) -> None:
        self._gather = gather
        self._clock = clock
        self._ring = SampleRing()
        self._one_at_a_time = asyncio.Lock()

    async def watch(self) -> None:
        """Take samples until cancelled, at times that are multiples of the interval."""
        while True:
            await self.sample()
            await asyncio.sleep(SAMPLE_INTERVAL_SECONDS - self._clock() % SAMPLE_INTERVAL_SECONDS)

    async def sample(self) -> None:
        """Take one."""
        async with self._one_at_a_time:
            snapshot = await self._gather()
            await asyncio.to_thread(self._ring.add, snapshot, round(self._clock() * 1000))

    async def __call__(self, names: Collection[str]) -> SampleSet:
        """Return the samples of some names."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._ring.select, frozenset(names))
