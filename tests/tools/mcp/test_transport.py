from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from tests.tools.mcp.mcp_example import make_server
from tests.tools.mcp.test_tools import called, connected

from vital_shared.models.mcp_server import McpServer

KEY = "a-key-that-nobody-may-see"


class Guarded:
    """Lets in who shows the key."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.refused = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if (
            scope["type"] == "http"
            and dict(scope["headers"]).get(b"authorization") != f"Bearer {KEY}".encode()
        ):
            self.refused += 1
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self.app(scope, receive, send)


@asynccontextmanager
async def served(port: int = 0) -> AsyncIterator[int]:
    """Serve the example over HTTP, and stop at once."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()
        app = Guarded(make_server().streamable_http_app())
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=0, ws="none"))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            while not server.started:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await task


def at(port: int) -> dict[str, McpServer]:
    return {"web": McpServer(url=f"http://127.0.0.1:{port}/mcp", key_env="WEB_KEY", connect_seconds=5)}


async def test_tools_are_listed_and_called_over_http_with_the_key() -> None:
    async with served() as port, connected(at(port), {"WEB_KEY": KEY}) as registry:
        assert (await called(registry, "web_add_two", first=40, second=2)).content == "42"
        failed = await called(registry, "web_fail")
        assert failed.error is not None
        assert "The moon is full." in failed.error


async def test_a_wrong_key_costs_the_tools_and_is_not_shown(capsys: Any) -> None:
    async with served() as port, connected(at(port), {"WEB_KEY": "another-key"}) as registry:
        assert registry.names == ()
    shown = capsys.readouterr()
    assert "another-key" not in shown.out + shown.err


async def test_a_server_that_was_started_anew_is_found_again() -> None:
    async with served() as port:
        connection = connected(at(port), {"WEB_KEY": KEY})
        registry = await connection.__aenter__()
    gone = await called(registry, "web_add_two", first=1)
    assert gone.error == 'The MCP server "web" cannot be reached, or has closed the connection.'
    async with served(port):
        assert (await called(registry, "web_add_two", first=1)).content == "2"
        await connection.__aexit__(None, None, None)
