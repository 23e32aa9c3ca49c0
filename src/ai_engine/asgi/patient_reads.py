"""Reads that may hang: one at a time for each key, and no request waits longer than it has patience."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

__all__ = ["PatientReads"]

WAITS: Final = 4
"""The number of waits that a patience is made of. An event loop that was held up, by a collection of
garbage or a frozen machine, finds its timers due before it learns what a thread has brought meanwhile:
one wait is lost so, and the next one finds the answer."""


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Read(Generic[V]):
    task: asyncio.Task[V]
    started: float


class PatientReads(Generic[K, V]):
    """A reader that shares reads between requests.

    A read goes on when its requests have given up: to cancel one is not always possible (SQLite waits for a
    lock in a thread), and the next request takes what it brings. So a frozen store holds few reads, and no
    request for long.

    :param at_once: the reads at any time; further ones wait for their turn.
    """

    def __init__(self, *, at_once: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._reads: dict[K, _Read[V]] = {}

    async def get(self, key: K, read: Callable[[], Awaitable[V]], *, patience_seconds: float) -> V:
        """Return what a read brings: the one under way for this key, or a new one.

        Raises what the read raises.

        :param patience_seconds: time that the read may take, from its start on; when it began long ago and
            has not ended, nobody waits for it.
        :raises TimeoutError: when it takes longer.
        """
        async with asyncio.timeout(patience_seconds):
            found = self._reads.get(key) or await self._begin(key, read)
        left = found.started + patience_seconds - asyncio.get_running_loop().time()
        for _ in range(WAITS if left > 0 else 0):
            if found.task.done():
                break
            await asyncio.wait([found.task], timeout=left / WAITS)
        if not found.task.done():
            raise TimeoutError
        return found.task.result()

    async def _begin(self, key: K, read: Callable[[], Awaitable[V]]) -> _Read[V]:
        await self._turns.acquire()
        found = self._reads.get(key)
        if found is not None:  # begun by another request meanwhile
            self._turns.release()
            return found
        task = asyncio.create_task(_awaited(read))
        found = self._reads[key] = _Read(task, asyncio.get_running_loop().time())
        task.add_done_callback(lambda _: self._end(key))
        return found

    def _end(self, key: K) -> None:
        task = self._reads.pop(key).task
        self._turns.release()
        if not task.cancelled():
            task.exception()  # seen, though no request may be left to see it

    async def aclose(self) -> None:
        """Give up the reads that are under way."""
        tasks = [read.task for read in self._reads.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _awaited(read: Callable[[], Awaitable[V]]) -> V:
    return await read()
