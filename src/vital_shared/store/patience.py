"""Writes that a run waits for: done again while the store is away, as long as anybody has the time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from vital_shared.errors import StoreError
from vital_shared.store.write_errors import is_refusal

__all__ = ["patiently"]

T = TypeVar("T")

PAUSE_SECONDS: Final = 0.25
"""The time between two attempts, in seconds."""


async def patiently(
    attempt: Callable[[], Awaitable[T]], seconds: float, subject: str, done: str = "begun"
) -> T:
    """Write, and again while the store cannot be reached, has no room or only reads.

    :param attempt: a write that may be done twice: the store may have taken it, and not said so.
    :param seconds: the longest wait.
    :param subject: the thing that waits for the write, in words.
    :param done: the word for its not being done.
    :raises StoreError: when the store is away for so long, or refuses the write itself.
    """
    away: StoreError | None = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    return await attempt()
                except StoreError as error:
                    if is_refusal(error):
                        raise
                    away = error
                await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError as error:
        raise StoreError(
            f"The store did not take {subject} within {seconds:.3g} seconds, so it was not {done}: "
            "try again in a moment"
        ) from (away or error)
