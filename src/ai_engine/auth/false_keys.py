"""Slow answers to false keys, by the address that they come from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import ceil

from ai_engine.auth.caller import TooManyFalseKeys
from ai_engine.auth.false_key_pace import MAX_DELAY_SECONDS, FalseKeyPace

__all__ = ["FalseKeys"]


class FalseKeys:
    """A rate of false keys for each address; keys that can be used do not come here.

    :param pace: counts the false keys of this process, or of all processes.
    :param sleep: waits.
    """

    def __init__(self, pace: FalseKeyPace, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._pace = pace
        self._sleep = sleep

    async def hold_back(self, address: str) -> None:
        """Wait as long as the answer to another false key of an address is held back.

        :raises TooManyFalseKeys: when it would be too long.
        """
        delay = await self._pace.take(address)
        if delay > MAX_DELAY_SECONDS:
            raise TooManyFalseKeys(ceil(delay))
        if delay > 0:
            await self._sleep(delay)
