"""A bounded pipe from a run to its one reader: a slow reader slows the writer down."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

__all__ = ["Channel"]

T = TypeVar("T")


class Channel(Generic[T]):
    """Like `asyncio.Queue`, but it can be closed, and small control messages never wait.

    :param limit: number of items that may lie in it before `send` waits.
    """

    __slots__ = ("_closed", "_items", "_limit", "_reader", "_writers")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[T] = deque()
        self._closed = False
        self._reader: asyncio.Future[None] | None = None
        self._writers: deque[asyncio.Future[None]] = deque()

    def push(self, item: T) -> None:
        """Write without waiting, over the limit too: for what is bounded by itself."""
        self._items.append(item)
        self._wake_reader()

    async def send(self, item: T) -> None:
        """Write, after waiting for room."""
        await self.room()
        self.push(item)

    async def room(self) -> None:
        """Wait until there is room; what is pushed before the next ``await`` has its place."""
        while len(self._items) >= self._limit:
            waiting = asyncio.get_running_loop().create_future()
            self._writers.append(waiting)
            try:
                await waiting
            except BaseException:
                self._give_up(waiting)
                raise

    def close(self) -> None:
        """Signal the reader that no more will come."""
        self._closed = True
        self._wake_reader()

    async def __aiter__(self) -> AsyncIterator[T]:
        """Read until it is closed and empty."""
        items = self._items
        while True:
            while items:
                item = items.popleft()
                if self._writers:
                    self._wake_writer()
                yield item
            if self._closed:
                return
            if self._reader is not None:
                raise RuntimeError("a channel has one reader, and it is waiting already")
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _wake_writer(self) -> None:
        while self._writers:
            waiting = self._writers.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return

    def _give_up(self, waiting: asyncio.Future[None]) -> None:
        """Pass the turn of a cancelled writer on, if it had got it."""
        if waiting.done() and not waiting.cancelled():
            self._wake_writer()
        elif waiting in self._writers:
            self._writers.remove(waiting)
