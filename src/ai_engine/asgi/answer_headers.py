"""Headers of every answer: nothing is stored on the way, and nothing is taken for another type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["with_safe_headers"]

NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
NO_STORE: Final = (b"cache-control", b"no-store")

Headers = list[tuple[bytes, bytes]]


def with_safe_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers of an answer with those that each has; a Cache-Control of its own stays."""
    found = [*headers, NOSNIFF]
    if not any(name.lower() == b"cache-control" for name, _ in found):
        found.append(NO_STORE)
    return found
