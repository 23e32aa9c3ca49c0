"""The floor of the gateway's lines: a relay as one writes it by hand, with a key and nothing else.

    python bench/gateway_relay.py PORT UPSTREAM KEY

Starlette on uvicorn with uvloop and httptools, and aiohttp to the upstream. ``/bare/…`` passes packets on as
they come. ``/reading/…`` splits them into events and reads each, as counting tokens requires.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route


class Relay:
    """The routes."""

    def __init__(self, upstream: str, key: str) -> None:
        self._upstream = upstream
        self._authorization = f"Bearer {key}"
        self._session: aiohttp.ClientSession | None = None
        self.tokens = 0

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as self._session:
            yield

    async def bare(self, request: Request) -> Response:
        return await self._answer(request, is_reading=False)

    async def reading(self, request: Request) -> Response:
        return await self._answer(request, is_reading=True)

    async def _answer(self, request: Request, *, is_reading: bool) -> Response:
        assert self._session is not None
        if request.headers.get("authorization") != self._authorization:
            return PlainTextResponse("no key", 401)
        url = f"{self._upstream}/{request.path_params['path']}"
        body = await request.body()
        response = await self._session.post(url, data=body, headers={"Content-Type": "application/json"})
        kind = response.content_type
        if kind != "text/event-stream":
            async with response:
                return Response(await response.read(), response.status, media_type=kind)
        packets = self._read(response) if is_reading else self._pass_on(response)
        return StreamingResponse(packets, response.status, media_type=kind)

    async def _pass_on(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        async with response:
            async for packet in response.content.iter_any():
                yield packet

    async def _read(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        rest = b""
        async with response:
            async for packet in response.content.iter_any():
                *events, rest = (rest + packet).split(b"\n\n")
                for event in events:
                    if event.startswith(b"data: {"):
                        self.tokens += len(orjson.loads(event[6:])["choices"])
                if events:
                    yield b"\n\n".join(events) + b"\n\n"


def app(upstream: str, key: str) -> Starlette:
    relay = Relay(upstream, key)
    routes = [
        Route("/ready", lambda _request: PlainTextResponse("")),
        Route("/bare/{path:path}", relay.bare, methods=["POST"]),
        Route("/reading/{path:path}", relay.reading, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=relay.lifespan)


if __name__ == "__main__":
    port, upstream, key = sys.argv[1:]
    uvicorn.run(
        app(upstream, key),
        port=int(port),
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
