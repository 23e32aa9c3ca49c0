"""The options of a client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from vital_client.errors import ClientError

__all__ = ["DEFAULT_URL", "KEY_VARIABLE", "Options", "checked_header"]

DEFAULT_URL: Final = "http://127.0.0.1:8000"

KEY_VARIABLE: Final = "VITAL_API_KEY"
"""The environment variable of the key, for programs that do not pass one."""

CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The address, the caller and the timeout; see `VitalClient`."""

    base_url: str
    key: str | None
    tenant_id: str | None
    user_id: str | None
    timeout_seconds: float

    def http(self) -> dict[str, Any]:
        """Return the arguments of httpx's client.

        :raises ClientError: when the address is invalid, or a header cannot be sent.
        """
        headers = {"User-Agent": "vital-client"}
        key = (self.key or os.environ.get(KEY_VARIABLE) or "").strip()  # files end with a line break
        if key:
            headers["Authorization"] = f"Bearer {checked_header('The key', key)}"
        if self.tenant_id is not None:
            headers["X-Tenant-ID"] = checked_header("tenant_id", self.tenant_id)
        return {"base_url": _address(self.base_url), "headers": headers, "timeout": self.timeout()}

    def timeout(self, seconds: float | None = None) -> httpx.Timeout:
        """Return the timeout of a request.

        :param seconds: a shorter timeout than that of the client; None: the client's.
        """
        longest = self.timeout_seconds if seconds is None else min(self.timeout_seconds, seconds)
        return httpx.Timeout(longest, connect=min(CONNECT_SECONDS, longest))

    def question(self, query: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of a request."""
        known = {"tenant_id": self.tenant_id, "user_id": self.user_id, "query": query}
        given: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
        return {**given, **fields}


def checked_header(name: str, value: str) -> str:
    """Return a value that can be sent as a header.

    :raises ClientError: when it cannot be sent; the message omits the value, which may be secret.
    """
    if not value.isascii() or not value.isprintable():
        raise ClientError(f"{name} holds a character that cannot be sent in a header.")
    return value


def _address(text: str) -> httpx.URL:
    """Return the address of an engine.

    :raises ClientError: when the address is invalid.
    """
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ClientError("The address of an engine must begin with http:// or https:// and have a host.")
    return url
