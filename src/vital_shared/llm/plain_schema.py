"""JSON schemas as the providers' strict modes take them.

OpenAI ("Structured outputs", section "Supported schemas"), Anthropic ("Structured outputs", section "JSON
Schema limitations") and llama.cpp's grammars each know a part of JSON Schema. What all of them take: objects
that are closed, with every property required. Bounds of numbers, lengths and patterns stand in the
description instead, where the model reads them, and are checked when the answer is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["VALUE", "is_object_schema", "is_strict", "plain_schema", "wrapped_schema"]

VALUE: Final = "value"
"""The property that holds a value which is no object: the root of a schema has to be one."""

_KNOWN_WORDS: Final = frozenset(
    ("$ref", "$defs", "type", "properties", "items", "anyOf", "enum", "const", "description", "prefixItems")
)
_DROPPED_WORDS: Final = frozenset(
    ("title", "default", "examples", "discriminator", "required", "additionalProperties")
)
_LISTS: Final = ("anyOf", "prefixItems")
_NAMED: Final = ("properties", "$defs")


def plain_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema of the same values, or more, in the words that all providers know."""
    return _plain(schema, schema.get("$defs", {}))


def _plain(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], within: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return a part of a schema in these words.

    :param within: the definitions that stand in the place of their references around it.
    """
    if "$ref" in schema:
        return _reference(schema, definitions, within)
    plain = {name: value for name, value in schema.items() if name in _KNOWN_WORDS}
    if "oneOf" in schema:
        plain["anyOf"] = schema["oneOf"]
    for name in _NAMED:
        if name in plain:
            plain[name] = {key: _plain(value, definitions, within) for key, value in plain[name].items()}
    for name in _LISTS:
        if name in plain:
            plain[name] = [_plain(each, definitions, within) for each in plain[name]]
    if isinstance(plain.get("items"), Mapping):
        plain["items"] = _plain(plain["items"], definitions, within)
    if _is_object(schema):
        plain |= _closed(schema, definitions, within)
    return _with_bounds(plain, schema)


def _reference(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], within: frozenset[str]
) -> dict[str, Any]:
    """Return a reference, or, where it has a description, what it refers to with that description.

    OpenAI refuses a schema in which anything stands beside a reference.
    """
    name = schema["$ref"].rpartition("/")[2]
    if "description" not in schema or name in within or name not in definitions:
        more = {"$defs": _plain({"$defs": definitions}, definitions)["$defs"]} if "$defs" in schema else {}
        return {"$ref": schema["$ref"], **more}
    described = {**definitions[name], "description": schema["description"]}
    return _plain(described, definitions, within | {name})


def wrapped_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object whose one property is the value."""
    inner = {name: value for name, value in schema.items() if name != "$defs"}
    wrapped = {
        "type": "object",
        "properties": {VALUE: inner},
        "required": [VALUE],
        "additionalProperties": False,
    }
    return wrapped | ({"$defs": schema["$defs"]} if "$defs" in schema else {})


def is_object_schema(schema: Mapping[str, Any]) -> bool:
    """Return whether all values of a schema are objects with known properties."""
    return _is_object(schema) and "properties" in schema


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Return whether the strict modes take a plain schema: it has no map with free keys, and no tuple."""
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return False
    if "prefixItems" in schema or not (schema.keys() & {"type", "$ref", "anyOf", "enum", "const"}):
        return False
    inner = [
        *schema.get("anyOf", ()),
        *([schema["items"]] if isinstance(schema.get("items"), Mapping) else ()),
    ]
    for name in _NAMED:
        inner += schema.get(name, {}).values()
    return all(map(is_strict, inner))


def _is_object(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object"


def _closed(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], within: frozenset[str]
) -> dict[str, Any]:
    """Return what closes an object; one with free keys stays open."""
    more = schema.get("additionalProperties")
    if "properties" not in schema and more is not False:
        free = _plain(more, definitions, within) if isinstance(more, Mapping) else True
        return {"additionalProperties": free}
    return {"required": list(schema.get("properties", {})), "additionalProperties": False}


def _with_bounds(plain: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Add to the description what the other words of a schema say."""
    known = _KNOWN_WORDS | _DROPPED_WORDS | {"oneOf"}
    bounds = ", ".join(f"{name}: {value}" for name, value in schema.items() if name not in known)
    if not bounds:
        return plain
    said = plain.get("description")
    return plain | {"description": f"{said} ({bounds})" if said else bounds}
