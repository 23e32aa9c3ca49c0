"""Names of fields in requests of the Gemini API, which takes two forms of each.

Source: protobuf's JSON mapping ("ProtoJSON Format"): parsers accept ``inlineData`` and ``inline_data``.
"""

from __future__ import annotations

import re
from typing import Any, Final

from vital_shared.errors import InvalidRequest

__all__ = ["camel_case"]

FREE_FORM: Final = frozenset({"args", "response", "properties", "$defs", "defs", "parametersJsonSchema"}) | {
    "responseJsonSchema",
    "labels",
    "example",
    "default",
}
"""Fields whose content has names of its own."""

REPEATED: Final = frozenset({"contents", "functionDeclarations", "parts", "requests", "tools"})
"""Fields that are lists, for which Google also takes the only item (as in its guides' ``curl`` commands)."""

MAX_DEPTH: Final = 100
MAX_SHOWN_NAME_CHARACTERS: Final = 100

_UNDERSCORE: Final = re.compile(r"_([a-z0-9])")


def camel_case(value: Any, depth: int = 0) -> Any:
    """Return a request with the names of its fields in the form ``inlineData``; content stays as it is.

    :raises InvalidRequest: when a field is there in both forms.
    """
    if depth > MAX_DEPTH:
        return value
    if isinstance(value, list):
        return [camel_case(each, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    named: dict[str, Any] = {}
    for each, content in value.items():
        name = _camel(each)
        if name in named:
            shown = name[:MAX_SHOWN_NAME_CHARACTERS]
            raise InvalidRequest(f"{shown} is there twice, in both forms of its name: send one", field=shown)
        named[name] = [content] if name in REPEATED and isinstance(content, dict) else content
    return {
        name: _content(name, content, depth) if name in FREE_FORM else camel_case(content, depth + 1)
        for name, content in named.items()
    }


def _content(name: str, value: Any, depth: int) -> Any:
    """Return the content of a field with names of its own; those of a schema's properties are schemas."""
    if name in ("properties", "$defs", "defs") and isinstance(value, dict):
        return {each: camel_case(schema, depth + 1) for each, schema in value.items()}
    return value


def _camel(name: str) -> str:
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name)
