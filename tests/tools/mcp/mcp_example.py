"""A real MCP server for the tests: over its pipes when it is run, or over HTTP with a port."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Annotated

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field


def make_server() -> MCPServer:
    """Make one; it can be served once."""
    server = MCPServer("example")

    @server.tool()
    def addTwo(first: int, second: Annotated[int, Field(le=100)] = 1) -> str:  # noqa: N802  # as servers have them
        """Add two numbers."""
        return str(first + second)

    @server.tool(name="read-environment")
    def environment(name: str) -> str:
        """Read a variable."""
        return os.environ.get(name, "(not set)")

    @server.tool()
    def fail() -> str:
        """Fail."""
        raise ToolError("The moon is full.")

    @server.tool()
    async def slow() -> str:
        """Take an hour."""
        await asyncio.sleep(3600)
        return "done"

    @server.tool()
    def process_id() -> str:
        """Return the process."""
        return str(os.getpid())

    @server.tool()
    def die() -> str:
        """End without an answer."""
        os._exit(1)

    @server.tool()
    def long_text(characters: int) -> str:
        """Say much."""
        return "x" * characters

    return server


if __name__ == "__main__":
    sys.stderr.write("starting\n")
    make_server().run("stdio")
