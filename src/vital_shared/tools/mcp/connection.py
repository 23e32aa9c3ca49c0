"""One connection to an MCP server, opened when it is needed, and again when it was lost."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import anyio
from mcp import Client, MCPError
from mcp_types import CONNECTION_CLOSED, INVALID_REQUEST, CallToolResult
from mcp_types import Tool as Offered
from pydantic import ValidationError

from vital_shared.logs import get_logger
from vital_shared.models.mcp_server import McpServer
from vital_shared.tools.base import ToolError
from vital_shared.tools.mcp.transport import watched_transport

__all__ = ["McpConnection"]

_MAX_PAGES: Final = 20
_CLOSE_SECONDS: Final = 10.0
"""The package itself gives a program 2 s to end, then terminates and at last kills it."""
_GONE: Final = frozenset({CONNECTION_CLOSED, INVALID_REQUEST})
"""Errors by which the package says that an address does not answer, or no longer knows the session."""

_MAX_REASON_CHARACTERS: Final = 300

logger = get_logger(__name__)


class McpConnection:
    """A connection to a server, whose sessions may come and go.

    :param name: the name of the server, for messages.
    """

    def __init__(self, name: str, server: McpServer, environ: Mapping[str, str]) -> None:
        self._name, self._server, self._environ = name, server, environ
        self._opening = asyncio.Lock()
        self._session: _Session | None = None
        self._closed = False

    async def tools(self) -> list[Offered]:
        """List what the server offers.

        :raises ToolError: when it is not there, or does not answer within `connect_seconds`.
        """
        try:
            async with asyncio.timeout(self._server.connect_seconds):
                return await self._listed()
        except TimeoutError:
            raise ToolError(f'The MCP server "{self._name}" did not answer in time.') from None

    async def _listed(self) -> list[Offered]:
        session = await self._connected()
        client = await session.client()
        tools: list[Offered] = []
        cursor: str | None = None
        try:
            for _ in range(_MAX_PAGES):
                page = await client.list_tools(cursor=cursor, cache_mode="bypass")
                tools += page.tools
                cursor = page.next_cursor
                if cursor is None:
                    break
        except MCPError as error:
            raise self._refusal(error, session) from None
        except ValidationError:
            raise self._nonsense() from None
        return tools

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool, once: a call that may have reached the server is not made again.

        :raises ToolError: when the server is not there, or gone before it answered.
        """
        session = await self._connected()
        client = await session.client()
        try:
            return await client.call_tool(tool, arguments)
        except MCPError as error:
            raise self._refusal(error, session) from None
        except (ValidationError, RuntimeError):  # the latter for a result that is not of the declared type
            raise self._nonsense() from None

    async def aclose(self) -> None:
        """Close the connection, and end the program if there is one; it is not opened again."""
        self._closed = True
        async with self._opening:
            await self._leave()

    async def _connected(self) -> _Session:
        """Return the session that there is, or begin another one."""
        async with self._opening:
            if self._closed:
                raise ToolError(f'The connection to the MCP server "{self._name}" is closed.')
            if self._session is None or self._session.over.is_set():
                await self._leave()
                self._session = _Session(self._live, f"mcp-{self._name}")
            return self._session

    async def _live(self, ready: asyncio.Future[Client], over: asyncio.Event) -> None:
        """Hold a session from its beginning to its end."""
        try:
            with anyio.fail_after(self._server.connect_seconds) as limit:
                async with Client(watched_transport(self._server, self._environ, over), cache=None) as client:
                    limit.deadline = math.inf
                    ready.set_result(client)
                    await over.wait()
        except Exception as error:  # noqa: BLE001 - a foreign server may fail in any way; the waiting caller gets it
            if ready.done():
                self._log_failure("mcp_connection_ended_badly", error)
            else:
                ready.set_exception(self._unreachable(error))
        finally:
            over.set()
            ready.cancel()

    async def _leave(self) -> None:
        if self._session is not None:
            await self._session.end()
            self._session = None

    def _refusal(self, error: MCPError, session: _Session) -> ToolError:
        """Distinguish an answer of the server, which can be asked again, from the end of the connection."""
        is_address = self._server.command is None
        if session.over.is_set() or (is_address and error.code in _GONE):
            session.over.set()
            return self._unreachable(error)
        why = " ".join(error.message.split())[:_MAX_REASON_CHARACTERS] or "it does not say why"
        return ToolError(f'The MCP server "{self._name}" refused the call: {why}')

    def _nonsense(self) -> ToolError:
        return ToolError(f'The MCP server "{self._name}" sent an answer that the protocol does not allow.')

    def _unreachable(self, error: Exception) -> ToolError:
        if isinstance(error, ToolError):
            return ToolError(f'The MCP server "{self._name}" cannot be used: {error}.')
        self._log_failure("mcp_connection_lost", error)
        return ToolError(f'The MCP server "{self._name}" cannot be reached, or has closed the connection.')

    def _log_failure(self, event: str, error: BaseException) -> None:
        """Name the first cause; what it says may hold what users ask. Its frames hold the keys."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        logger.warning(event, server=self._name, reason=type(error).__name__)
        logger.debug(event, server=self._name, reason=str(error)[:_MAX_REASON_CHARACTERS])


class _Session:
    """The task of one session, as the package's task groups demand: entered and left there alone.

    :param live: the body of the task; it gives the client, and ends with the event.
    """

    def __init__(
        self,
        live: Callable[[asyncio.Future[Client], asyncio.Event], Coroutine[Any, Any, None]],
        name: str,
    ) -> None:
        self.over = asyncio.Event()
        """The server has gone, or is not wanted any more."""
        self._ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())
        self._task = asyncio.create_task(live(self._ready, self.over), name=name)

    async def client(self) -> Client:
        """Wait until the server has been greeted; others may be waiting for the same.

        :raises ToolError: when it cannot be reached.
        """
        return await asyncio.shield(self._ready)

    async def end(self) -> None:
        """End the task, and with it the program, within some seconds."""
        self.over.set()
        if not self._ready.done():
            self._task.cancel()
        _, running = await asyncio.wait({self._task}, timeout=_CLOSE_SECONDS)
        for task in running:
            task.cancel()
            await asyncio.wait({task}, timeout=_CLOSE_SECONDS)
