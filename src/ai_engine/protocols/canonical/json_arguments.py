"""Arguments of a tool call as JSON text, as OpenAI's protocols have them."""

from __future__ import annotations

from typing import Any

import orjson

from ai_engine.protocols.canonical.field_reader import FieldReader

__all__ = ["read_json_arguments"]


def read_json_arguments(fields: FieldReader) -> dict[str, Any]:
    """Read the field ``arguments``; no text is no arguments.

    :raises InvalidRequest: when they are no JSON object.
    """
    text = fields.text("arguments")
    try:
        arguments = orjson.loads(text) if text.strip() else {}
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise fields.wrong("arguments", "must be a JSON object, as text")
    return arguments
