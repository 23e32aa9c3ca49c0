"""The two ways to an MCP server: the pipes of a program that is started, and an address."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self

import httpx2
from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from vital_shared.models.mcp_server import McpServer
from vital_shared.tools.base import ToolError

__all__ = ["watched_transport"]


@asynccontextmanager
async def watched_transport(
    server: McpServer, environ: Mapping[str, str], over: asyncio.Event
) -> AsyncIterator[tuple[Any, Any]]:
    """Open the pipes or the address.

    :param over: set when the server's side has ended.
    :raises ToolError: when a variable that the server names is not set.
    """
    async with _transport(server, environ) as (reading, writing):
        yield _Watched(reading, over), writing


def _transport(server: McpServer, environ: Mapping[str, str]) -> AbstractAsyncContextManager[Any]:
    return _program(server, environ) if server.command is not None else _address(server, environ)


@asynccontextmanager
async def _program(server: McpServer, environ: Mapping[str, str]) -> AsyncIterator[Any]:
    parameters = StdioServerParameters(
        command=server.command or "",
        args=list(server.args),
        env={name: _variable(environ, name) for name in server.env_names},
    )
    # What the program says on its error output may hold anything, and would be written over the answer.
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: ASYNC230, PTH123 - does not block
        async with stdio_client(parameters, errlog=nowhere) as streams:
            yield streams


@asynccontextmanager
async def _address(server: McpServer, environ: Mapping[str, str]) -> AsyncIterator[Any]:
    headers = {"Authorization": f"Bearer {_variable(environ, server.key_env)}"} if server.key_env else {}
    timeout = httpx2.Timeout(server.connect_seconds, read=server.timeout_seconds)
    async with (
        httpx2.AsyncClient(headers=headers, timeout=timeout) as http,
        streamable_http_client(server.url or "", http_client=http) as streams,
    ):
        yield streams


def _variable(environ: Mapping[str, str], name: str) -> str:
    if not (value := environ.get(name)):
        raise ToolError(f"the environment variable {name} is not set")
    return value


class _Watched:
    """A stream that reports its end."""

    def __init__(self, stream: Any, over: asyncio.Event) -> None:
        self._stream, self._over = stream, over

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self._stream)
        except BaseException:
            self._over.set()
            raise

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> Any:
        return await self._stream.__aexit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
