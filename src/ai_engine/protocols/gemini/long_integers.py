"""Integers that no provider's JSON can hold."""

from __future__ import annotations

from typing import Any, Final

import orjson

__all__ = ["find_long_integer"]

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**64 - 1
MAX_SHOWN_CHARACTERS: Final = 200


def find_long_integer(body: Any) -> str | None:
    """Return the place of an integer of more than 64 bits, dotted; None: there is none."""
    try:
        orjson.dumps(body)
    except TypeError:
        place = _find(body)
        return None if place is None else ".".join(place)[:MAX_SHOWN_CHARACTERS]
    return None


def _find(value: Any) -> list[str] | None:
    if isinstance(value, int):
        return None if MIN_INTEGER <= value <= MAX_INTEGER else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in items:
        if (place := _find(each)) is not None:
            return [str(name), *place]
    return None
