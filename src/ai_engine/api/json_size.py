"""Limits on the values of a JSON body.

Checking each value costs far more than reading its bytes, and a number that is too long cannot be serialised
again.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from ai_engine.validation import FieldError, InvalidFields

__all__ = ["check_numbers", "check_size"]

MAX_VALUES: Final = 50_000
"""Fields of objects and items of lists in all: 10,000 messages have 30,000."""

MAX_OBJECT_FIELDS: Final = 500

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**64 - 1
MAX_SHOWN_CHARACTERS: Final = 200


def check_size(value: Any) -> None:
    """Refuse JSON of too many values.

    :raises InvalidFields: naming the limit.
    """
    left, inner = MAX_VALUES, [value]
    while inner:
        each = inner.pop()
        if isinstance(each, dict):
            if len(each) > MAX_OBJECT_FIELDS:
                raise _too_large(f"has an object of more than {MAX_OBJECT_FIELDS} fields")
            each = each.values()
        elif not isinstance(each, list):
            continue
        left -= len(each)
        if left < 0:
            raise _too_large(f"has more than {MAX_VALUES:,} values")
        inner.extend(each)


def check_numbers(value: object) -> None:
    """Refuse JSON with numbers of more than 64 bits, which could not be written for a provider.

    :raises InvalidFields: naming the place of the first.
    """
    path = _path_to_long(value)
    if path is not None:
        place = ".".join(path)[:MAX_SHOWN_CHARACTERS]
        raise InvalidFields([FieldError(field=place, message="must be a number of 64 bits at most")])


def _path_to_long(value: object) -> list[str] | None:
    """Return the way to the first number that is too long; None: there is none."""
    if isinstance(value, int):
        return None if MIN_INTEGER <= value <= MAX_INTEGER else []
    if isinstance(value, float):  # one beyond all others was read as infinity, which is no JSON
        return None if isfinite(value) else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in items:
        if not isinstance(each, str) and (path := _path_to_long(each)) is not None:
            return [str(name), *path]
    return None


def _too_large(message: str) -> InvalidFields:
    return InvalidFields([FieldError(field="", message=message)])
