"""Slow answers to false keys, by the address that they come from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Final

from ai_engine.auth.caller import TooManyFalseKeys

__all__ = ["FalseKeys"]

FREE_FALSE_KEYS: Final = 20
"""False keys of one address that are answered at once: of a client that has not received a new key."""

INTERVAL_SECONDS: Final = 1.0
"""Time between the answers to further ones."""

MAX_DELAY_SECONDS: Final = 10.0
"""The longest that an answer is held back; false keys beyond it are answered with 429."""

MAX_ADDRESSES: Final = 10_000


class FalseKeys:
    """A rate of false keys for each address (GCRA); keys that can be used do not come here.

    Each worker process has its own.

    :param clock: seconds that never go back.
    :param sleep: waits.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._next_at: dict[str, float] = {}
        """The time of the next answer if they came evenly; the address that was seen longest ago first."""

    async def hold_back(self, address: str) -> None:
        """Wait as long as the answer to another false key of an address is held back.

        :raises TooManyFalseKeys: when it would be too long.
        """
        now = self._clock()
        next_at = max(now, self._next_at.pop(address, now))
        delay = next_at - now - (FREE_FALSE_KEYS - 1) * INTERVAL_SECONDS
        is_too_long = delay > MAX_DELAY_SECONDS
        self._next_at[address] = next_at if is_too_long else next_at + INTERVAL_SECONDS
        if len(self._next_at) > MAX_ADDRESSES:
            del self._next_at[next(iter(self._next_at))]
        if is_too_long:
            raise TooManyFalseKeys(ceil(delay))
        if delay > 0:
            await self._sleep(delay)
