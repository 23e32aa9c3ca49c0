"""The body of a request to be sent with aiohttp: a large one goes in pieces."""

from __future__ import annotations

from io import BytesIO
from typing import Final

__all__ = ["request_body"]

LARGE_BYTES: Final = 2**20
"""The size from which on aiohttp warns of bytes: it sends them at once, and the loop waits meanwhile."""


def request_body(content: bytes) -> bytes | BytesIO:
    """Return what aiohttp takes: bytes, or a file of them that it reads and sends in pieces."""
    return content if len(content) < LARGE_BYTES else BytesIO(content)
