"""The floors of `bench/service.py`: what a service costs that does nothing of what ours does.

    python bench/service_floor.py PORT UPSTREAM

A bare ASGI application on the same server (uvicorn, uvloop, httptools): ``/same`` returns the bytes that it
was given at ``/keep``; ``/through/…`` passes a request on with aiohttp, and its answer back as it comes,
event by event, each read, as counting tokens requires; what has come together is sent together.
"""

from __future__ import annotations

import sys

import aiohttp
import orjson
import uvicorn
from starlette.types import Receive, Scope, Send

HEADERS = [(b"content-type", b"text/event-stream")]


class Floor:
    """The application."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None
        self._same = b""
        self.tokens = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        body = await _body(receive)
        path = scope["path"]
        if path.startswith("/through"):
            await self._through(path.removeprefix("/through"), body, send)
            return
        if path == "/keep":
            self._same = body
        length = (b"content-length", b"%d" % len(self._same))
        kind = (b"content-type", b"application/json")
        await send({"type": "http.response.start", "status": 200, "headers": [kind, length]})
        await send({"type": "http.response.body", "body": self._same})

    async def _through(self, path: str, body: bytes, send: Send) -> None:
        assert self._session is not None
        async with self._session.post(self._upstream + path, data=body) as response:
            await send({"type": "http.response.start", "status": response.status, "headers": HEADERS})
            rest = b""
            async for chunk in response.content.iter_any():
                *events, rest = (rest + chunk).split(b"\n\n")
                said = [self._read(event) for event in events]
                body = b"".join(b"data: %s\n\n" % orjson.dumps({"text": text}) for text in said if text)
                if body:
                    await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _read(self, event: bytes) -> str:
        if not event.startswith(b"data: {"):
            return ""
        self.tokens += 1
        choices = orjson.loads(event[6:])["choices"]
        return (choices[0]["delta"].get("content") or "") if choices else ""

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._session.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _body(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


if __name__ == "__main__":
    port, upstream = sys.argv[1:]
    uvicorn.run(
        Floor(upstream),
        port=int(port),
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
