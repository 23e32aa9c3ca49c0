"""Names of fields in requests of the Gemini API, which takes two forms of each.

Source: protobuf's JSON mapping ("ProtoJSON Format"): parsers accept ``inlineData`` and ``inline_data``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from vital_shared.errors import InvalidRequest

__all__ = ["normal_form"]

SCHEMAS: Final = frozenset({"properties", "$defs", "defs"})
"""Fields that hold schemas under names of the client's own."""

FREE_FORM: Final = SCHEMAS | {
    "args",
    "default",
    "example",
    "labels",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
}
"""Fields whose content has names of its own."""

REPEATED: Final = frozenset({"contents", "functionDeclarations", "parts", "requests", "tools"})
"""Fields that are lists, for which Google also takes the only item (as in its guides' ``curl`` commands)."""

MAX_DEPTH: Final = 100
MAX_SHOWN_NAME_CHARACTERS: Final = 100

_UNDERSCORE: Final = re.compile(r"_([a-z0-9])")


def normal_form(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request with names in the form ``inlineData`` and lists where lists belong.

    Content with names of its own stays as it is.

    :raises InvalidRequest: when a field is there in both forms.
    """
    return _fields(fields, 0)


def _fields(fields: Mapping[str, Any], depth: int) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for each, content in fields.items():
        name = _camel(each)
        if name in named:
            shown = name[:MAX_SHOWN_NAME_CHARACTERS]
            raise InvalidRequest(
                f"{shown} is given twice, in both forms of its name: send one of them", field=shown
            )
        named[name] = [content] if name in REPEATED and isinstance(content, dict) else content
    return {
        name: _free_form(name, content, depth) if name in FREE_FORM else _value(content, depth)
        for name, content in named.items()
    }


def _value(value: object, depth: int) -> object:
    if depth > MAX_DEPTH:
        return value
    if isinstance(value, list):
        return [_value(each, depth + 1) for each in value]
    return _fields(value, depth + 1) if isinstance(value, dict) else value


def _free_form(name: str, value: object, depth: int) -> object:
    """Return content with names of its own; what a schema calls its properties are schemas."""
    if name in SCHEMAS and isinstance(value, dict):
        return {each: _value(schema, depth) for each, schema in value.items()}
    return value


def _camel(name: str) -> str:
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name)
