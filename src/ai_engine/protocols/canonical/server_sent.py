"""Server-sent events with JSON (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["named_event", "plain_event", "relayed_event"]


def named_event(name: str, data: dict[str, Any]) -> bytes:
    """Write an event with a name."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def plain_event(data: dict[str, Any]) -> bytes:
    """Write an event without a name."""
    return b"data: " + orjson.dumps(data) + b"\n\n"


def relayed_event(data: bytes, name: str = "") -> bytes:
    """Write a provider's event again; its data may have come in several lines."""
    head = b"event: " + name.encode() + b"\n" if name else b""
    lines = data.replace(b"\n", b"\ndata: ") if b"\n" in data else data
    return head + b"data: " + lines + b"\n\n"
