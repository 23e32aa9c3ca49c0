"""Fields of JSON from providers, which may be null, missing or of another type than the protocol's."""

from __future__ import annotations

from typing import Any, Final

import orjson

from vital_shared.llm.wires.json_text import mended

__all__ = [
    "UnreadableField",
    "http_status_in",
    "is_end_marker",
    "is_keep_alive",
    "label_in",
    "object_in",
    "objects_in",
    "sendable",
    "text_in",
]

MAX_LABEL_CHARACTERS: Final = 200
"""Longest id or reason that is kept."""


class UnreadableField(ValueError):
    """A field whose content would be lost if it were passed over."""


def text_in(value: Any) -> str:
    """Return a text; null is an empty one.

    :raises UnreadableField: when it is anything else.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    raise UnreadableField(f"{type(value).__name__} instead of a text")


def label_in(value: Any) -> str | None:
    """Return an id, a name or a reason; a number becomes its digits, and what is empty or no label None."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return mended(value[:MAX_LABEL_CHARACTERS]) if isinstance(value, str) and value else None


def http_status_in(code: Any) -> int | None:
    """Return the status of HTTP that an error's code is, a number or its digits; None for another code."""
    label = label_in(code) or ""
    number = int(label) if label.isascii() and label.isdigit() and len(label) == 3 else 0
    return number if 400 <= number < 600 else None


def object_in(value: Any) -> dict[str, Any]:
    """Return an object; null is an empty one.

    :raises UnreadableField: when it is anything else.
    """
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise UnreadableField(f"{type(value).__name__} instead of an object")


def objects_in(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list without its nulls; a single object is a list of one.

    :raises UnreadableField: when anything else is there.
    """
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    objects = [each for each in values if each is not None]
    if not all(isinstance(each, dict) for each in objects):
        raise UnreadableField("no object where one is required")
    return objects


def sendable(native: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Return a provider's own content, which goes back to it; None where JSON proper cannot hold it."""
    try:
        orjson.dumps(native)
    except TypeError:  # halves of surrogate pairs, numbers that are too large, or nested too deeply
        return None
    return native


def is_end_marker(data: bytes) -> bool:
    """Return whether an event is the ``[DONE]`` of OpenAI's streams; gateways end others with it too."""
    return data[:1] in b" [" and data.strip() == b"[DONE]"


def is_keep_alive(data: bytes) -> bool:
    """Return whether an event is empty: some servers send such ones, or null, to keep the connection open."""
    return data.strip() in (b"", b"null")
