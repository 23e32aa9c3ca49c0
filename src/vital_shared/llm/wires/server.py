"""The server behind a provider's base address."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

__all__ = ["server_of"]

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def server_of(base_url: str) -> tuple[str, int] | None:
    """Return an address's host and port; None: it has no host, or its port is none."""
    try:
        parts = urlsplit(base_url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, DEFAULT_PORTS["https"])
    except ValueError:
        return None
    return None if parts.hostname is None else (parts.hostname, port)
