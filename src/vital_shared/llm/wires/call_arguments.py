"""The arguments of a tool call: servers send an object, its JSON in a text, or that in a text once more."""

from __future__ import annotations

import json
from typing import Any

import orjson

from vital_shared.llm.wires.json_text import mended, read_json

__all__ = ["read_arguments"]


def read_arguments(value: Any) -> dict[str, Any] | None:
    """Read the arguments; null and empty texts are none. Return None where they are no object."""
    if value is None:
        return {}
    for _ in range(2):
        if isinstance(value, str):
            value = _parsed(value)
    if not isinstance(value, dict):
        return None
    try:
        orjson.dumps(value)
    except (TypeError, ValueError):
        return _mended_object(value)
    return value


def _parsed(text: str) -> Any:
    text = mended(text).strip()
    return {} if text in ("", "null") else read_json(text.encode())


def _mended_object(value: dict[str, Any]) -> dict[str, Any] | None:
    """Replace the halves of surrogates; None where something else cannot be written as JSON again."""
    try:
        mended_value: dict[str, Any] = orjson.loads(mended(json.dumps(value, ensure_ascii=False)))
        orjson.dumps(mended_value)
    except (TypeError, ValueError, RecursionError):  # nested too deeply
        return None
    return mended_value
