"""A provider on a local socket that sends, byte by byte, what a test gives it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from tests.local_server import local_server

Part = bytes | asyncio.Event | type[ConnectionError]
"""Bytes are one packet; an event is waited for; ConnectionError breaks the connection."""


@dataclass
class Reply:
    """What one request gets."""

    parts: Sequence[Part]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/event-stream"


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    peer: tuple[str, int]
    """The client's side of the connection."""


class Server:
    """Answers requests with replies, in order; the last one again and again."""

    def __init__(self, *replies: Reply | Callable[[Request], Reply]) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []
        self.asked = asyncio.Event()
        """Set with the first request."""
        self.closed = asyncio.Event()
        """Set when a client has gone before its reply was over."""
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read() or b"{}")
        peer = request.transport.get_extra_info("peername")
        seen = Request(str(request.rel_url), dict(request.headers), body, peer)
        self.requests.append(seen)
        self.asked.set()
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if callable(reply):
            reply = reply(seen)
        response = web.StreamResponse(
            status=reply.status, headers={"Content-Type": reply.content_type, **reply.headers}
        )
        try:
            await response.prepare(request)
            for part in reply.parts:
                if isinstance(part, bytes):
                    await response.write(part)
                elif isinstance(part, asyncio.Event):
                    await part.wait()
                else:
                    request.transport.abort()
                    return response
            await response.write_eof()
        except (ConnectionError, asyncio.CancelledError):
            self.closed.set()
            raise
        return response


@asynccontextmanager
async def serve(*replies: Reply | Callable[[Request], Reply]) -> AsyncIterator[Server]:
    server = Server(*replies)
    app = web.Application(client_max_size=10**8)
    app.router.add_route("*", "/{path:.*}", server.handle)
    async with local_server(app, handler_cancellation=True) as server.url:
        yield server


def event(data: Any, name: str = "") -> bytes:
    """Write one server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + (data if isinstance(data, bytes) else orjson.dumps(data)) + b"\n\n"
