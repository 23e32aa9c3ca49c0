"""Short-lived copies of rows, so that not each request has to read them anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

__all__ = ["RECENT_SECONDS", "ShortLivedCache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

RECENT_SECONDS: Final = 0.5
"""Seconds that other processes may work with an old value after a change here."""

MAX_ENTRIES: Final = 10_000


class ShortLivedCache(Generic[K, V]):
    """Values that this process has read, each for a moment.

    What the process itself changes it sees at once: it has to call `forget` then.

    :param clock: gives seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._values: dict[K, tuple[float, V]] = {}
        self._reading: dict[K, asyncio.Future[V]] = {}
        self._changes = 0

    async def get(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        """Return the value of a key, read by now or a moment ago."""
        found = self._fresh(key)
        if found is not None:
            return found[1]
        reading = self._reading.get(key)
        if reading is None:
            return await self._read(key, read)
        await asyncio.wait([reading])  # of many requests at once, one reads; its failure is that of all
        return await self.get(key, read) if reading.cancelled() else reading.result()

    def _fresh(self, key: K) -> tuple[float, V] | None:
        found = self._values.get(key)
        return found if found is not None and self._clock() < found[0] else None

    async def _read(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        until, changes = self._clock() + RECENT_SECONDS, self._changes
        done = self._reading[key] = asyncio.get_running_loop().create_future()
        try:
            value = await read()
            if changes == self._changes:  # else it may be one from before the change
                done.set_result(value)
                if len(self._values) >= MAX_ENTRIES:
                    self._values.clear()
                self._values[key] = until, value
        except Exception as error:
            done.set_exception(error)
            done.exception()  # seen, though nobody else may wait
            raise
        else:
            return value
        finally:
            done.cancel()
            del self._reading[key]

    def forget(self) -> None:
        """Read everything anew."""
        self._changes += 1
        self._values.clear()
