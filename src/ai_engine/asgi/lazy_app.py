"""A part of the application that is loaded when it is first asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["LazyApp"]


class LazyApp:
    """ASGI application that is loaded with its first request.

    :param load: imports and makes it; called once, in a thread, so that other requests go on meanwhile.
    """

    def __init__(self, load: Callable[[], ASGIApp]) -> None:
        self._load = load
        self._loading = asyncio.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if self._app is None:
            async with self._loading:
                if self._app is None:  # nobody has loaded it while we waited
                    self._app = await asyncio.to_thread(self._load)
        await self._app(scope, receive, send)
