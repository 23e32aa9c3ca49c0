"""Authenticate requests, and pass the caller on to the routes."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ai_engine.asgi.client_address import client_network
from ai_engine.auth.caller import SCOPE_KEY, Caller, NotAllowed, NotAuthenticated, TooManyFalseKeys
from ai_engine.auth.loopback_guard import LoopbackGuard
from ai_engine.auth.permissions import SAFE_METHODS, permission_of
from ai_engine.auth.session_ring import CrossSiteRequest, is_cross_site
from ai_engine.engine import Engine
from ai_engine.problems import respond_to
from vital_shared.errors import VitalError
from vital_shared.models.api_key import ApiKey
from vital_shared.monitoring.metrics import REQUESTS_REJECTED_TOTAL
from vital_shared.store.actor import acting_as
from vital_shared.store.key_token import KeyToken

__all__ = ["Authentication"]

KEY_HEADERS: Final = ("x-api-key", "x-goog-api-key", "api-key")

NO_KEY: Final = (
    "This engine asks for a key: send one as Authorization: Bearer vital_…; `vital keys create` makes it, "
    "and where all were revoked, `vital keys open` and a restart let its own machine in without."
)
WRONG_KEY: Final = (
    "The request holds no key that can be used here: it is mistyped, it was revoked, or there are several."
)


class Authentication:
    """ASGI middleware that finds the caller of each request, or refuses it.

    Where the engine is open, `LoopbackGuard` keeps the pages of other sites out. Where it asks for keys,
    nothing is left for that guard to do: a browser does not add a key by itself; a page of another origin has
    none; and if it had one, the browser would ask us before it sent the header, which no answer of ours
    allows. The cookie of a session, which browsers do add, is guarded by `SessionRing`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._guarded = LoopbackGuard(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its caller, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        engine: Engine = scope["app"].state.engine
        permission = permission_of(scope["method"], scope["path"])
        is_open = engine.keys.open
        if permission is not None:
            headers = Headers(scope=scope)
            try:
                caller = await _caller(scope["method"], headers, engine)
                if not caller.may(permission):
                    raise NotAllowed(permission)
            except VitalError as error:
                await (await _refused(scope, engine, error))(scope, receive, send)
                return
            scope[SCOPE_KEY], is_open = caller, caller.is_local
            with acting_as(caller.actor):
                await (self._guarded if is_open else self._app)(scope, receive, send)
            return
        await (self._guarded if is_open else self._app)(scope, receive, send)


async def _refused(scope: Scope, engine: Engine, error: VitalError) -> Response:
    """Answer somebody who is not let in, in time where the key is false."""
    _count(error)
    if isinstance(error, NotAuthenticated) and error.has_false_key:
        try:
            await engine.false_keys.hold_back(client_network(scope, engine.settings.trusted_proxies))
        except TooManyFalseKeys as too_many:
            error = too_many
    return respond_to(Request(scope), error)


def _count(error: VitalError) -> None:
    """Count who was turned away; not as a workflow's request: its mode stands in a body that nobody reads."""
    if isinstance(error, NotAuthenticated | NotAllowed):
        REQUESTS_REJECTED_TOTAL.labels("auth").inc()


async def _caller(method: str, headers: Headers, engine: Engine) -> Caller:
    """Return the caller, by a token of the identity provider or by a key.

    :raises NotAuthenticated: when there is neither and one is needed, or it cannot be used.
    :raises CrossSiteRequest: when another site may have made the browser send its session.
    """
    text = _identity_token(headers, engine.settings.jwt_header)
    if engine.identity_tokens is not None and text is not None:
        is_trusted = headers.get("origin") in engine.settings.cors_origins
        if method not in SAFE_METHODS and is_cross_site(headers) and not is_trusted:
            raise CrossSiteRequest
        return Caller.from_identity(await engine.identity_tokens.verify(text), headers)
    return Caller.from_key(await _key(method, headers, engine), headers)


def _authorization(headers: Headers) -> list[str]:
    """Return the header Authorization, or the one that Anthropic's, Google's or Azure's clients send instead.

    Clients that send both hold a key of another service in one of them: then the key of ours counts.
    """
    given = headers.getlist("Authorization")
    others = [f"Bearer {key}" for name in KEY_HEADERS for key in headers.getlist(name)]
    if given and others:
        ours = {token: each for each in (*given, *others) if (token := _key_token(each)) is not None}
        return list(ours.values()) or given
    return given or others


def _key_token(header: str) -> KeyToken | None:
    """Read a header Authorization; None: it holds no key of ours."""
    scheme, _, text = header.partition(" ")
    return KeyToken.parse(text.strip()) if scheme.lower() == "bearer" else None


def _identity_token(headers: Headers, proxy_header: str) -> str | None:
    """Return what may be a token: what comes as a bearer and is no key, or else in the proxy's header."""
    given = _authorization(headers)
    scheme, _, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() == "bearer":
        return None if KeyToken.parse(text.strip()) else text.strip()
    passed_on = headers.getlist(proxy_header) if proxy_header and not given else []
    return passed_on[0].removeprefix("Bearer ") if len(passed_on) == 1 else None


async def _key(method: str, headers: Headers, engine: Engine) -> ApiKey | None:
    """Return the key that was sent, or that of the console's session; None: none is needed.

    Where the engine is open, headers with anything but keys of ours are let pass: clients of other
    services often cannot do without one.

    :raises NotAuthenticated: when there is none and one is needed, or it cannot be used.
    :raises CrossSiteRequest: when another site may have made the browser send its session.
    """
    given = _authorization(headers)
    token = _key_token(given[0]) if len(given) == 1 else None
    if token is not None:
        key = await engine.keys.find(token)
        if key is None:
            raise NotAuthenticated(WRONG_KEY, error="invalid_token")
        return key
    if await engine.keys.is_open():
        return None
    if given:
        raise NotAuthenticated(WRONG_KEY, error="invalid_token")
    key = await engine.sessions.key_of(method, headers)
    if key is None:
        raise NotAuthenticated(NO_KEY)
    return key
