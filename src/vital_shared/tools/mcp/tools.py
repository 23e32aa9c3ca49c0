"""Tools of servers that speak the Model Context Protocol (https://modelcontextprotocol.io), used as our own.

What a server says of itself is data: names and descriptions are bounded, and cannot stand in for ours. A
server that is down, slow or dies costs its own tools, and nothing else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from vital_shared.errors import ConfigurationError
from vital_shared.logs import get_logger
from vital_shared.models.base import Frozen
from vital_shared.models.mcp_server import McpServer
from vital_shared.tools.base import Tool, ToolError

if TYPE_CHECKING:
    from vital_shared.tools.mcp.connection import McpConnection

__all__ = ["McpServerStatus", "McpTools"]

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,29}")

logger = get_logger(__name__)


class McpServerStatus(Frozen):
    """A server, as it was when the engine started; neither its address nor its command."""

    name: str
    tools: tuple[str, ...]
    """The names of its tools that can be called."""

    problem: str | None
    """The reason why it has none; None: it answered."""


class McpTools:
    """The connections to servers, and their tools; to be closed.

    :param servers: by name; the tools of ``[mcp.github]`` are called ``github_…``.
    :param environ: the environment that holds the keys that the servers name.
    :raises ConfigurationError: when a server's name cannot be one, or the package ``mcp`` is not installed.
    """

    def __init__(self, servers: Mapping[str, McpServer], environ: Mapping[str, str]) -> None:
        for name in servers:
            if not _NAME.fullmatch(name):
                raise ConfigurationError(
                    f'"{name}" cannot be the name of an MCP server: use snake_case, at most 30 characters.'
                )
        if servers and not find_spec("mcp"):
            raise ConfigurationError("MCP servers are configured: run `pip install 'vital-engine[mcp]'`.")
        self._servers, self._environ = dict(servers), environ
        self._connections: list[McpConnection] = []
        self._problems: dict[str, str] = {}
        self._used: dict[str, list[str]] = {name: [] for name in servers}

    async def connect(self, *, taken: Collection[str] = ()) -> tuple[Tool, ...]:
        """Connect to all servers at the same time, and return the tools of those that answered.

        A server that is down is logged, and has no tools until the next start; a tool whose name is taken
        or cannot be used is logged, and left out.

        :param taken: the names of the tools that there are already.
        """
        if not self._servers:
            return ()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._tools(name, one)) for name, one in self._servers.items()]
        tools: dict[str, Tool] = {}
        offered = zip(self._servers, tasks, strict=True)
        for server, tool in ((server, tool) for server, task in offered for tool in task.result()):
            if tool.name in tools or tool.name in taken:
                logger.warning("mcp_tool_left_out", tool=tool.name, reason="its name is taken")
            else:
                tools[tool.name] = tool
                self._used[server].append(tool.name)
        return tuple(tools.values())

    @property
    def statuses(self) -> tuple[McpServerStatus, ...]:
        """The servers, by name, as they answered when the tools were listed."""
        return tuple(
            McpServerStatus(name=name, tools=tuple(self._used[name]), problem=self._problems.get(name))
            for name in self._servers
        )

    async def aclose(self) -> None:
        """End the programs that were started, and close the connections."""
        async with AsyncExitStack() as stack:
            while self._connections:
                stack.push_async_callback(self._connections.pop().aclose)

    async def _tools(self, name: str, server: McpServer) -> tuple[Tool, ...]:
        # The package takes half a second to load, which only its users wait for.
        from vital_shared.tools.mcp.connection import McpConnection  # noqa: PLC0415
        from vital_shared.tools.mcp.tool import wrapped  # noqa: PLC0415

        connection = McpConnection(name, server, self._environ)
        self._connections.append(connection)
        try:
            offered = await connection.tools()
        except ToolError as error:
            self._problems[name] = str(error)
            logger.warning("mcp_server_unavailable", server=name, reason=str(error))
            return ()
        return wrapped(offered, connection, name, server)
