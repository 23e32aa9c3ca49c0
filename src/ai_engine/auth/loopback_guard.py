"""Keep web pages and proxies from letting others use an open engine.

A page of another site can make its visitor's browser send requests to loopback. Two checks stop it:
the Host header has to name loopback, which a name that was rebound to 127.0.0.1 does not; and what
changes something must not come from a page of another origin.

A proxy in front of it would make an administrator of everybody who reaches the proxy: requests that came
through one are refused, as far as their headers show it.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ai_engine.auth.permissions import SAFE_METHODS
from ai_engine.problem import Problem
from ai_engine.problems import respond

__all__ = ["LoopbackGuard", "is_loopback"]

PROXY_HEADERS: Final = frozenset(
    {
        b"cf-connecting-ip",
        b"fly-client-ip",
        b"forwarded",
        b"forwarded-for",
        b"true-client-ip",
        b"via",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-envoy-external-address",
        b"x-original-forwarded-for",
        b"x-original-host",
        b"x-real-ip",
    }
)
"""Headers that proxies add; those that begin with X-Forwarded are others."""


@lru_cache(maxsize=100)
def is_loopback(host: str) -> bool:
    """Return whether a name or an address means this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class LoopbackGuard:
    """ASGI middleware that refuses other hosts and other origins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        refusal = _refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        problem = Problem(
            type="about:blank",
            title=HTTPStatus.FORBIDDEN.phrase,
            status=HTTPStatus.FORBIDDEN,
            detail=refusal,
            instance=scope["path"],
        )
        response = respond(problem, {"Connection": "close"}, asked=Headers(scope=scope))
        await response(scope, receive, send)


def _refusal(scope: Scope) -> str | None:
    if any(name in PROXY_HEADERS or name.startswith(b"x-forwarded") for name, _ in scope["headers"]):
        return (
            "This request came through a proxy, and an engine without keys serves its own machine alone: "
            "make a key with `vital keys create`, and send it."
        )
    headers = Headers(scope=scope)
    hosts = headers.getlist("host")
    needs_none = scope["http_version"] == "1.0"  # each browser sends one
    if not (needs_none and not hosts) and (len(hosts) != 1 or not is_loopback(_name(hosts[0]))):
        return "The Host header has to name this machine: use http://127.0.0.1 or http://localhost."
    if scope["method"] in SAFE_METHODS:
        return None
    origin = headers.get("origin")
    foreign = origin is not None and [origin.partition("://")[2]] != hosts
    if foreign or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return "Pages of other origins may not change anything here."
    return None


def _name(host: str) -> str:
    """Take the port, and the brackets of an IPv6 address, off."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
