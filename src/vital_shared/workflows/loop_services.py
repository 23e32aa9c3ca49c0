"""Default services: one set per event loop, opened on first use, closed with its last user or its loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from typing import Final
from weakref import WeakKeyDictionary, WeakSet

from vital_shared.workflows.services import Services

__all__ = ["LoopServices", "current_services", "loop_services"]

current_services: Final[ContextVar[Services | None]] = ContextVar("current_services", default=None)
"""The services of the run at work, for its nodes in threads, where no event loop runs."""


class LoopServices:
    """The services of one event loop, counted by the objects that use them.

    Services open sockets, threads and locks that belong to their event loop, so two loops never share any.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._users: WeakSet[object] = WeakSet()
        self._services: Services | None = None
        self._keeper: AsyncGenerator[None, None] | None = None

    @property
    def opened(self) -> Services | None:
        """The services, while they are open."""
        return self._services

    async def acquire(self, user: object) -> Services:
        """Return the services, opened if necessary, and count the user, once."""
        async with self._lock:
            if self._keeper is None:
                # `asyncio.run` closes asynchronous generators before the loop, so that a program which
                # never calls `aclose` leaves no connection and no thread behind either.
                self._keeper = self._until_loop_ends()
                await anext(self._keeper)
            if self._services is None:
                self._services = await Services.open()
                await self._services.enter_lost()
            self._users.add(user)
            return self._services

    async def release(self, user: object) -> None:
        """Discount a user; with the last one the services are closed."""
        async with self._lock:
            if user in self._users:
                self._users.discard(user)
                if not self._users:
                    await self._close()
                    keeper, self._keeper = self._keeper, None
                    if keeper is not None:  # a generator that is dropped later has no loop to end in
                        await keeper.aclose()

    async def _close(self) -> None:
        services, self._services = self._services, None
        if services is not None:
            await services.aclose()

    async def _until_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            if self._keeper is not None:  # the loop ends, and not the last user alone
                with _guard:
                    _by_loop.pop(asyncio.get_running_loop(), None)
            await self._close()


_by_loop: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, LoopServices]] = WeakKeyDictionary()
_guard: Final = threading.Lock()
"""Held while `_by_loop` is read or changed: each thread may have an event loop."""


def loop_services() -> LoopServices:
    """Return the holder of the running event loop's own services."""
    loop = asyncio.get_running_loop()
    with _guard:
        found = _by_loop.get(loop)
        if found is None:
            # Open services refer to their loop: those of a loop that was closed without its asynchronous
            # generators would stay for ever.
            for closed in [each for each in _by_loop if each.is_closed()]:
                del _by_loop[closed]
            found = _by_loop[loop] = LoopServices()
        return found
