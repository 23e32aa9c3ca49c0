"""Pauses between attempts."""

from __future__ import annotations

import asyncio
from random import SystemRandom
from typing import Final

__all__ = ["pause"]

_CHANCE: Final = SystemRandom()


async def pause(mean_seconds: float) -> None:
    """Wait for a random time, so that several that wait do not try again together.

    :param mean_seconds: the mean; the wait is between half of it and one and a half times it.
    """
    await asyncio.sleep(mean_seconds * _CHANCE.uniform(0.5, 1.5))
