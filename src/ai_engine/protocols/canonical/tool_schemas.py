"""Schemas of tools that say nothing, as tools without arguments have them, and MCP servers send them.

OpenAI refuses ``{"type": "object"}`` ("object schema missing properties"), and Anthropic ``{}``
("input_schema.type: Field required").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["complete_schema"]

ALTERNATIVES: Final = ("$ref", "allOf", "anyOf", "oneOf")
"""Fields that say elsewhere what an object is."""


def complete_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a tool's arguments, which are an object, with its type and its properties."""
    added: dict[str, Any] = {}
    if schema.get("type") is None:
        added["type"] = "object"
    has_alternatives = any(name in schema for name in ALTERNATIVES)
    if schema.get("properties") is None and schema.get("type") in (None, "object") and not has_alternatives:
        added["properties"] = {}
    return {**schema, **added} if added else schema
