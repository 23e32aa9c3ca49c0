"""The options of a client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

__all__ = ["DEFAULT_URL", "KEY_VARIABLE", "Options"]

DEFAULT_URL: Final = "http://127.0.0.1:8000"

KEY_VARIABLE: Final = "VITAL_API_KEY"
"""The environment variable of the key, for programs that do not pass one."""

CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The engine, the caller, and the patience; see `VitalClient`."""

    base_url: str
    key: str | None
    tenant_id: str | None
    user_id: str | None
    timeout_seconds: float

    def http(self) -> dict[str, Any]:
        """Return the arguments of httpx's client."""
        headers = {"User-Agent": "vital-client"}
        if key := self.key or os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        if self.tenant_id is not None:
            headers["X-Tenant-ID"] = self.tenant_id
        timeout = httpx.Timeout(self.timeout_seconds, connect=CONNECT_SECONDS)
        return {"base_url": self.base_url, "headers": headers, "timeout": timeout}

    def question(self, query: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of a question."""
        known = {"tenant_id": self.tenant_id, "user_id": self.user_id}
        given: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
        return {**given, "query": query, **fields}
