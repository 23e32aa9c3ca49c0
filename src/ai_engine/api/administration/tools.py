"""The tools and the servers that some of them come from."""

from __future__ import annotations

from fastapi import APIRouter, Request

from ai_engine.engine import engine_of
from vital_shared.models.base import Frozen
from vital_shared.models.costs import Amount
from vital_shared.tools.base import Tool
from vital_shared.tools.mcp.tools import McpServerStatus

__all__ = ["router"]

router = APIRouter(prefix="/v1/tools", tags=["tools"])


class ToolView(Frozen):
    """A tool, as an administrator sees it."""

    name: str
    description: str
    cost_dollars: Amount
    """Charged for each call."""

    requires_approval: bool
    is_read_only: bool
    """Whether it changes nothing."""

    timeout_seconds: float

    @classmethod
    def of(cls, tool: Tool) -> ToolView:
        """Return the view of a tool."""
        return cls(
            name=tool.name,
            description=tool.description,
            cost_dollars=tool.cost_dollars,
            requires_approval=tool.requires_approval,
            is_read_only=tool.read_only,
            timeout_seconds=tool.timeout_seconds,
        )


class ToolList(Frozen):
    """The tools, in the order in which models get them, and the servers of some."""

    tools: tuple[ToolView, ...]
    mcp_servers: tuple[McpServerStatus, ...]
    sources: tuple[str, ...]
    """The names of the sources of passages."""


@router.get("", summary="List the tools")
async def list_tools(request: Request) -> ToolList:
    """List the tools of this engine, its MCP servers as they were at the start, and its sources."""
    services = engine_of(request).services
    return ToolList(
        tools=tuple(ToolView.of(tool) for tool in services.tools),
        mcp_servers=services.mcp.statuses,
        sources=tuple(source.name for source in services.sources),
    )
