"""AG-UI: a run for user interfaces of agents, with approval as an interrupt."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["routes"]


async def run(request: Request) -> Response:
    """Begin a run, or go on with one whose interrupts are answered, and tell its events."""
    from ai_engine.api import agui_runs  # noqa: PLC0415 - the protocol's models are many, and few ask this way

    return await agui_runs.run(request)


routes = (Route("/v1/agui", run, methods=["POST"]),)
