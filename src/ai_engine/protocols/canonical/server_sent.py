"""Server-sent events with JSON (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["named_event", "plain_event"]


def named_event(name: str, data: dict[str, Any]) -> bytes:
    """Write an event with a name."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def plain_event(data: dict[str, Any]) -> bytes:
    """Write an event without a name."""
    return b"data: " + orjson.dumps(data) + b"\n\n"
