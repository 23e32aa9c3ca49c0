"""The destinations of webhooks: configured hosts, and the public Internet by HTTPS."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urlsplit

from ai_engine.settings import ServerSettings
from vital_shared.errors import InvalidRequest
from vital_shared.http.public_addresses import is_public

__all__ = ["HEADER", "allowed_hosts", "check_destination"]

HEADER: Final = "Webhook-Url"

MAX_CHARACTERS: Final = 2_000
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def allowed_hosts(settings: ServerSettings) -> frozenset[str]:
    """Return the hosts whose addresses may be any, in lower case."""
    loopback = LOOPBACK if settings.webhook_loopback else frozenset()
    return loopback | {host.lower() for host in settings.webhook_hosts}


def check_destination(url: str, settings: ServerSettings) -> str:
    """Return an address that a webhook may be sent to.

    A host that is no address is judged when it is called, see `PublicResolver`.

    :raises InvalidRequest: when it may not be.
    """
    if not settings.webhook_secret.get_secret_value():
        raise _refusal("cannot be used, since this engine signs no webhooks: set VITAL_WEBHOOK_SECRET")
    if len(url) > MAX_CHARACTERS:
        raise _refusal(f"has to be at most {MAX_CHARACTERS:,} characters long")
    parts = _split(url)
    host = (parts.hostname or "").lower()
    if host in allowed_hosts(settings):
        return url
    if parts.scheme != "https":
        raise _refusal("has to begin with https://, unless its host is in VITAL_WEBHOOK_HOSTS")
    if not _may_be_public(host):
        raise _refusal("has to name a public host, or one of VITAL_WEBHOOK_HOSTS")
    return url


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.scheme in ("http", "https") and parts.hostname and parts.port != 0)
    except ValueError:
        is_whole = False
    if not is_whole or not url.isascii() or any(character.isspace() for character in url):
        raise _refusal("has to be a URL, such as https://example.com/hooks")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _refusal(
            "may hold neither a user nor a fragment: messages are signed, so no password is needed"
        )
    return parts


def _may_be_public(host: str) -> bool:
    try:
        return is_public(host)
    except ValueError:  # a name
        return "." in host and not host.endswith((".local", ".localhost", ".internal"))


def _refusal(reason: str) -> InvalidRequest:
    return InvalidRequest(f"{HEADER} {reason}", field=HEADER)
