"""Make a run part of the trace of its request."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from vital_shared.monitoring.tracing import continued

__all__ = ["TraceContext"]


class TraceContext:
    """ASGI middleware: goes on with the trace that a request's ``traceparent`` names (W3C Trace Context)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the tasks that it starts have its trace."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with continued(Headers(scope=scope)):
            await self._app(scope, receive, send)
