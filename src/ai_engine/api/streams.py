"""A run's events as server-sent events."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vital_shared.errors import InvalidRequest
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import STREAM_CONNECTIONS

__all__ = [
    "HEADERS",
    "MEDIA_TYPE",
    "EventStreamResponse",
    "FrameSource",
    "FrameWriter",
    "last_event_id",
    "until_disconnected",
]

logger = get_logger(__name__)

MEDIA_TYPE: Final = "text/event-stream"

HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Neither caches nor proxies may hold events back."""

HEARTBEAT: Final = b": heartbeat\n"
"""A comment. Without an empty line behind it, which some clients take for an empty event."""

STALL_SECONDS: Final = 60.0
"""Seconds after which a client that takes nothing is given up: the run might be waiting for it."""

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


class _ClientGone(Exception):
    """The client has closed its connection, or no longer reads from it."""


class FrameSource(Protocol):
    """A reader of encoded events."""

    async def frames(self) -> bytes:
        """Return all that is new; empty at the end."""
        ...


class FrameWriter(Protocol):
    """The dialect in which events are sent."""

    @property
    def is_over(self) -> bool:
        """Whether the client is to get nothing more."""
        ...

    def __call__(self, frames: bytes) -> bytes:
        """Translate events."""
        ...

    def end(self) -> bytes:
        """Return the end of a stream that ends before its run."""
        ...


class EventFrames:
    """The events unchanged; a client whose stream ends early reconnects."""

    is_over = False

    def __call__(self, frames: bytes) -> bytes:
        """Return the events."""
        return frames

    def end(self) -> bytes:
        """Return nothing."""
        return b""


class EventStreamResponse(Response):
    """The events of a run, sent as they arrive.

    :param read: a function that starts to read them.
    :param run_id: the id of the run; ``tenant_id`` is that of its tenant.
    :param heartbeat_seconds: seconds of silence after which a comment is sent, so that no proxy closes the
        connection as idle.
    :param tail: the data to send at the end if the log does not contain the end.
    :param write: a function that converts events into the data to send; None: the events themselves are sent.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        read: Callable[[], AbstractAsyncContextManager[FrameSource]],
        *,
        run_id: str,
        tenant_id: str | None,
        heartbeat_seconds: float,
        tail: bytes = b"",
        write: FrameWriter | None = None,
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._read, self._tail, self._write = read, tail, write or EventFrames()
        self._names = {"run_id": run_id, "tenant_id": tenant_id}
        self._heartbeat = heartbeat_seconds
        self._time = asyncio.get_running_loop().time
        self._sent_at = self._time()
        self._is_sending = False

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send them, as a reader from now on; a client that is gone, or takes nothing any more, ends it."""
        STREAM_CONNECTIONS.labels().inc()
        try:
            async with self._read() as reader, asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch(receive, send))
                await self._send(reader, send)
                watching.cancel()
        except* _ClientGone:
            pass
        finally:
            STREAM_CONNECTIONS.labels().inc(-1)

    async def _send(self, reader: FrameSource, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        while not self._write.is_over and (piece := await reader.frames()):
            await self._pass_on(send, piece)
        body = self._tail if self._write.is_over else self._tail + self._write.end()
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _pass_on(self, send: Send, piece: bytes) -> None:
        if body := self._write(piece):
            self._sent_at, self._is_sending = self._time(), True
            await send({"type": "http.response.body", "body": body, "more_body": True})
            self._is_sending = False

    async def _watch(self, receive: Receive, send: Send) -> None:
        """Watch the client until it is gone, which ends the sending.

        :raises _ClientGone: always.
        """
        try:
            await self._until_gone(receive, send)
        except TimeoutError:  # the server closes a connection whose answer was not completed
            logger.info("stalled_client_dropped", **self._names)
        raise _ClientGone

    async def _until_gone(self, receive: Receive, send: Send) -> None:
        """Wait until the client is gone; send heartbeats meanwhile.

        One timer for the whole stream: a timeout for each piece would cost as much as the piece.

        :raises TimeoutError: when the client has taken nothing for too long.
        """
        while True:
            due = self._sent_at + (STALL_SECONDS if self._is_sending else self._heartbeat)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await until_disconnected(receive)
                    return
            idle = self._time() - self._sent_at
            if self._is_sending and idle >= STALL_SECONDS:
                raise TimeoutError
            if not self._is_sending and idle >= self._heartbeat:
                async with asyncio.timeout(STALL_SECONDS):
                    await self._pass_on(send, HEARTBEAT)
