"""What was read a moment ago, so that not each request has to read it anew."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

__all__ = ["RECENT_SECONDS", "Recent"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

RECENT_SECONDS: Final = 0.5
"""So long other processes may work with what was changed here."""

MOST: Final = 10_000


class Recent(Generic[K, V]):
    """Values that this process has read, each for a moment.

    What the process itself changes it sees at once: it has to call `forget` then.

    :param clock: gives seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._values: dict[K, tuple[float, V]] = {}
        self._changes = 0

    async def get(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        """Return the value of a key, read by now or a moment ago."""
        now = self._clock()
        found = self._values.get(key)
        if found is not None and now < found[0]:
            return found[1]
        changes = self._changes
        value = await read()
        if changes == self._changes:  # else it may be one from before the change
            if len(self._values) >= MOST:
                self._values.clear()
            self._values[key] = now + RECENT_SECONDS, value
        return value

    def forget(self) -> None:
        """Read everything anew."""
        self._changes += 1
        self._values.clear()
