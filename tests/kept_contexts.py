"""Whether something that a task has begun keeps the task's context, and all that is in it, once it is over."""

from __future__ import annotations

import asyncio
import gc
import heapq
import weakref
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final

__all__ = ["is_context_kept"]

holding: Final[ContextVar[Held]] = ContextVar("holding")


class Held:
    """An object that a context variable refers to."""


async def is_context_kept(work: Callable[[], Awaitable[object]]) -> bool:
    """Work in a task of its own, and return whether its context lives on."""
    held = await asyncio.create_task(_work(work))
    await asyncio.sleep(0)  # the loop lets go of the task
    _forget_cancelled_timers()
    for _ in range(3):  # what ends in one pass frees more in the next
        gc.collect()
    return held() is not None


async def _work(work: Callable[[], Awaitable[object]]) -> weakref.ref[Held]:
    holding.set(Held())
    await work()
    return weakref.ref(holding.get())


def _forget_cancelled_timers() -> None:
    """Forget the timers that asyncio itself forgets when they are due, or many."""
    loop: Any = asyncio.get_running_loop()
    loop._scheduled[:] = [timer for timer in loop._scheduled if not timer.cancelled()]
    heapq.heapify(loop._scheduled)
    loop._timer_cancelled_count = 0
