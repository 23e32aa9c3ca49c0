"""Schemas of the Gemini API, a part of OpenAPI 3.0, as JSON schemas.

Source: the reference of the Gemini API, `Schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["json_schema"]

COUNTS: Final = frozenset(
    {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
)
"""Whole numbers of 64 bits, which protobuf's JSON writes as text."""

LEFT_OUT: Final = frozenset({"nullable", "propertyOrdering", "example"})
"""Fields that JSON schema does not have."""

MAX_DEPTH: Final = 100


def json_schema(schema: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return a schema as JSON schema; one that is JSON schema already stays as it is."""
    if depth > MAX_DEPTH:
        return dict(schema)
    written = {
        name: _written(name, value, depth)
        for name, value in schema.items()
        if name not in LEFT_OUT and value is not None
    }
    return _or_null(written) if schema.get("nullable") is True else written


def _written(name: str, value: Any, depth: int) -> Any:
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name in COUNTS and isinstance(value, str) and value.isdecimal():
        return int(value)
    if name == "properties" and isinstance(value, dict):
        return {each: _inner(schema, depth) for each, schema in value.items()}
    if name in ("items", "additionalProperties"):
        return _inner(value, depth)
    if name == "anyOf" and isinstance(value, list):
        return [_inner(each, depth) for each in value]
    return value


def _inner(value: Any, depth: int) -> Any:
    return json_schema(value, depth + 1) if isinstance(value, dict) else value


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if isinstance(kind, str):
        values = schema.get("enum")
        nullable = {"enum": [*values, None]} if isinstance(values, list) else {}
        return {**schema, "type": [kind, "null"], **nullable}
    if isinstance(schema.get("anyOf"), list):
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return schema
