"""Schemas of answers as Anthropic takes them: each object says that it has no other properties.

Source: Anthropic's guide "Structured outputs", section "JSON Schema limitations".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["closed_schema"]

NAMED: Final = ("properties", "$defs", "definitions")
"""Fields that hold schemas by names."""

LISTS: Final = ("anyOf", "allOf", "oneOf")
MAX_DEPTH: Final = 100


def closed_schema(schema: Mapping[str, object], depth: int = 0) -> dict[str, object]:
    """Return a schema whose objects are closed where they do not say whether they are.

    What fits it fits the client's schema too. An object without properties of its own stays as it is.
    """
    if depth > MAX_DEPTH:
        return dict(schema)
    closed = {name: _closed(name, value, depth + 1) for name, value in schema.items()}
    if isinstance(schema.get("properties"), Mapping):
        closed.setdefault("additionalProperties", False)
    return closed


def _closed(name: str, value: object, depth: int) -> object:
    if name in NAMED and isinstance(value, Mapping):
        return {each: _schema(inner, depth) for each, inner in value.items()}
    if name in LISTS and isinstance(value, list):
        return [_schema(inner, depth) for inner in value]
    return _schema(value, depth) if name == "items" else value


def _schema(value: object, depth: int) -> object:
    return closed_schema(value, depth) if isinstance(value, Mapping) else value
