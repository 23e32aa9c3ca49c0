"""Sessions of the console: a cookie that stands for a key, and what keeps other sites from using it.

Three things guard it (OWASP, Cross-Site Request Forgery Prevention): the cookie is ``SameSite=Strict``, what
changes something takes a header that no page of another origin can send, and its origin has to be ours.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers

from ai_engine.auth.permissions import SAFE_METHODS
from vital_shared.errors import Forbidden
from vital_shared.models.api_key import ApiKey
from vital_shared.store.console_sessions import ConsoleSessionStore
from vital_shared.store.short_lived_cache import ShortLivedCache

__all__ = [
    "CONSOLE_HEADER",
    "SESSION_COOKIE",
    "CrossSiteRequest",
    "SessionRing",
    "is_cross_site",
    "session_token",
]

SESSION_COOKIE: Final = "vital_session"

CONSOLE_HEADER: Final = "X-Vital-Console"
"""Sent by the console with all that changes something."""

MAX_TOKEN_CHARACTERS: Final = 100


class CrossSiteRequest(Forbidden):
    """A request with a session that may come from the page of another site."""

    def __init__(self) -> None:
        super().__init__(
            "A session counts only for requests of the console itself: sign in there, or send a key as "
            "Authorization: Bearer vital_…."
        )


class SessionRing:
    """The look-up of sessions."""

    def __init__(self, store: ConsoleSessionStore, now: Callable[[], datetime]) -> None:
        self.store = store
        self._now = now
        self._recent: ShortLivedCache[str, ApiKey | None] = ShortLivedCache()

    async def key_of(self, method: str, headers: Headers) -> ApiKey | None:
        """Return the key of the request's session; None where it has none that counts.

        :raises CrossSiteRequest: when another site may have sent it.
        """
        token = session_token(headers)
        if token is None:
            return None
        if method not in SAFE_METHODS and not _is_same_site(headers):
            raise CrossSiteRequest
        key = await self._recent.get(token, lambda: self.store.find(token, now=self._now()))
        return None if key is None or key.has_expired(self._now()) else key

    async def end(self, token: str) -> None:
        """End a session."""
        await self.store.end(token)
        self._recent.forget()


def session_token(headers: Headers) -> str | None:
    """Return the token of a session, as the cookie has it; None where there is none."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(headers.get("cookie", ""))
    except CookieError:
        return None
    found = cookies.get(SESSION_COOKIE)
    return found.value if found is not None and 0 < len(found.value) <= MAX_TOKEN_CHARACTERS else None


def is_cross_site(headers: Headers) -> bool:
    """Return whether the page of another site made the browser send a request.

    A proxy that signs people in adds their token to whatever their browsers send.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")


def _is_same_site(headers: Headers) -> bool:
    origin = headers.get("origin")
    is_ours = origin is None or origin.partition("://")[2] == headers.get("host")
    return (
        is_ours
        and headers.get(CONSOLE_HEADER) == "1"
        and headers.get("sec-fetch-site", "same-origin") == "same-origin"
    )
