"""Let browsers pass the answers of the API on to pages of the origins that are allowed (CORS, WHATWG Fetch).

Such pages send a key of their own; no cookie of theirs counts, and none is asked for. Starlette's own
middleware has no paths that stay closed, and drops no cookies.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ai_engine.auth.session_ring import is_cross_site

__all__ = ["ANY_ORIGIN", "AllowedOrigins"]

ANY_ORIGIN: Final = "*"

TREES: Final = ("/v1/", "/v1beta/")
"""Beginnings of the paths that pages may ask for: the API, not the console."""

EXPOSED: Final = b"Retry-After, X-Request-ID, X-Vital-Cache, X-Vital-Run-Id"
METHODS: Final = "GET, POST, PUT, PATCH, DELETE"
PERMISSION_SECONDS: Final = "600"
"""Time for which a browser need not ask again."""


class AllowedOrigins:
    """ASGI middleware in front of the authentication: a browser asks without a key whether it may send one.

    :param origins: those whose pages may read answers, in small letters; `ANY_ORIGIN` allows all.
    """

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and mark its answer; answer the question of a browser."""
        if scope["type"] != "http" or not scope["path"].startswith(TREES):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        is_allowed = origin is not None and (origin in self._origins or ANY_ORIGIN in self._origins)
        if is_allowed and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _permission(headers)(scope, receive, send)
            return

        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                marked = [*message.get("headers", ()), (b"vary", b"Origin")]
                if is_allowed and origin is not None:
                    marked.append((b"access-control-allow-origin", origin.encode("latin-1")))
                    marked.append((b"access-control-expose-headers", EXPOSED))
                message["headers"] = marked
            await send(message)

        if is_allowed and is_cross_site(headers):  # the console's own pages name their origin, too
            kept = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
            scope = {**scope, "headers": kept}
        await self._app(scope, receive, mark)


def _permission(headers: Headers) -> Response:
    """Answer what a browser asks before a request; it names the headers that its page would send."""
    allowed = {
        "Access-Control-Allow-Origin": headers["origin"],
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Max-Age": PERMISSION_SECONDS,
        "Vary": "Origin, Access-Control-Request-Headers",
    }
    if asked := headers.get("access-control-request-headers"):
        allowed["Access-Control-Allow-Headers"] = asked
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=allowed)
