"""A router that finds a path without parameters by one look-up."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["ExactRouter"]


class ExactRouter(Router):
    """Starlette's router, which would match each route's pattern in turn, and handle its errors by itself.

    :param routes: those with parameters, and requests that fit none, are left to Starlette.
    :param options: those of Starlette's router.
    """

    def __init__(self, routes: Sequence[BaseRoute], **options: Any) -> None:
        super().__init__(routes, **options)
        self._exact = {
            (method, route.path): (route, _application(route))
            for route in reversed(routes)  # of two that fit, the first counts
            if isinstance(route, Route) and not route.param_convertors
            for method in route.methods or ()
        }

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to its route."""
        found = self._exact.get((scope.get("method", ""), scope.get("path", "")))
        if found is None:
            await super().app(scope, receive, send)
            return
        scope["route"], application = found
        await application(scope, receive, send)


def _application(route: Route) -> ASGIApp:
    return _responding(route.endpoint) if inspect.iscoroutinefunction(route.endpoint) else route.app


def _responding(respond: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        response = await respond(Request(scope, receive, send))
        await response(scope, receive, send)

    return application
