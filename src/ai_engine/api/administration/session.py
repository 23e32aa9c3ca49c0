"""Sessions of the console: begun with a key, which the browser then forgets."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from ai_engine.auth.caller import Caller
from ai_engine.auth.session_ring import SESSION_COOKIE, session_token
from ai_engine.engine import engine_of
from vital_shared.errors import InvalidRequest
from vital_shared.models.api_key import Scope
from vital_shared.models.base import Frozen
from vital_shared.store.console_sessions import SESSION_LIFETIME
from vital_shared.store.keys import KeyStore

__all__ = ["SessionView", "router"]

router = APIRouter(prefix="/v1/session", tags=["session"])

HTTPS: Final = "https"


class SessionView(Frozen):
    """The caller of a request."""

    is_open: bool
    """Whether the engine asks this machine for no key."""

    user_id: str | None
    """The user that a verified token names; None: there is none."""

    tenant_id: str | None
    """The tenant that the key belongs to; None: all of them."""

    scopes: tuple[Scope, ...]
    key_id: str | None
    key_name: str
    """The purpose of the key, in its owner's words."""


@router.get("", summary="Show who is signed in")
async def show_session(request: Request) -> SessionView:
    """Show the key of the request, or that none is required."""
    caller, engine = Caller.of(request), engine_of(request)
    stored = None if caller.key_id is None else await KeyStore(engine.services.database).find(caller.key_id)
    return SessionView(
        is_open=caller.is_local,
        user_id=caller.user_id,
        tenant_id=caller.tenant_id if caller.has_own_tenant else None,
        scopes=caller.scopes,
        key_id=caller.key_id,
        key_name="" if stored is None else stored.key.name,
    )


@router.post("", summary="Sign in")
async def begin_session(request: Request, response: Response) -> SessionView:
    """Start a session with the key in the header Authorization, for 12 hours.

    Scripts cannot read the cookie; it is sent only to this engine, and ends with the key.
    """
    caller, engine = Caller.of(request), engine_of(request)
    if caller.user_id is not None:
        raise InvalidRequest("A session is for keys: a token comes with each request", field="Authorization")
    if caller.key_id is not None:
        new = await engine.sessions.store.begin(caller.key_id, now=engine.services.now())
        response.set_cookie(
            SESSION_COOKIE,
            new.token,
            max_age=int(SESSION_LIFETIME.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=_is_https(request),
        )
    return await show_session(request)


@router.delete("", summary="Sign out", status_code=204)
async def end_session(request: Request) -> Response:
    """End the session of the request."""
    token = session_token(request.headers)
    if token is not None:
        await engine_of(request).sessions.end(token)
    response = Response(status_code=204)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict", secure=_is_https(request))
    return response


def _is_https(request: Request) -> bool:
    """Return whether the browser speaks TLS, to us or to the proxy before us."""
    return HTTPS in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))
