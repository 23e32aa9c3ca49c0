"""A run's events as server-sent events."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vital_shared.errors import InvalidRequest
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import STREAM_CONNECTIONS

__all__ = ["HEADERS", "MEDIA_TYPE", "EventStream", "last_event_id", "until_disconnected"]

logger = get_logger(__name__)

MEDIA_TYPE: Final = "text/event-stream"

HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Neither caches nor proxies may hold events back."""

HEARTBEAT: Final = b": heartbeat\n"
"""A comment. Without an empty line behind it, which some clients take for an empty event."""

STALL_SECONDS: Final = 60.0
"""A client that takes nothing for so long is given up: the run might be waiting for it."""

LAST_EVENT_ID: Final = "Last-Event-ID"


def last_event_id(request: Request) -> int:
    """Return the number of the last event that the client has; 0 where it has none.

    :raises InvalidRequest: when it is not a number.
    """
    text = request.headers.get(LAST_EVENT_ID, "").strip()
    if not re.fullmatch(r"[0-9]{0,15}", text):
        raise InvalidRequest(
            f"{LAST_EVENT_ID} has to be the id of an event, a whole number", field=LAST_EVENT_ID
        )
    return int(text or 0)


async def until_disconnected(receive: Receive) -> None:
    """Wait until the client is gone; its body was read before."""
    while (await receive())["type"] != "http.disconnect":
        pass


class EventStream(Response):
    """The events of a run, as they come.

    :param pieces: gives them; an empty piece is sent as a comment, so that the connection stays open.
    :param run_id: which run it is; ``tenant_id``: whose.
    :param tail: sent at the end, where the log does not know the end.
    :param write: makes of events what is sent; by default, it is the events.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        *,
        run_id: str,
        tenant_id: str | None,
        tail: bytes = b"",
        write: Callable[[bytes], bytes] = bytes,
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._pieces, self._tail, self._write = pieces, tail, write
        self._names = {"run_id": run_id, "tenant_id": tenant_id}

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send them; a client that is gone ends it."""
        STREAM_CONNECTIONS.at().inc()
        try:
            await self._until_gone(receive, send)
        finally:
            STREAM_CONNECTIONS.at().inc(-1)

    async def _until_gone(self, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                await until_disconnected(receive)
                group.cancel_scope.cancel()

            group.start_soon(watch)
            try:
                await self._send(send)
            except TimeoutError:  # the server closes a connection whose answer was not completed
                logger.info("a client that took nothing was given up", **self._names)
            group.cancel_scope.cancel()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                if body := self._write(piece or HEARTBEAT):
                    async with asyncio.timeout(STALL_SECONDS):
                        await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": self._tail, "more_body": False})
