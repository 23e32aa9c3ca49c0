"""A limit on the values of a JSON body: checking each costs far more than reading its bytes."""

from __future__ import annotations

from typing import Any, Final

from ai_engine.validation import FieldError, InvalidFields

__all__ = ["check_size"]

MAX_VALUES: Final = 50_000
"""Fields of objects and items of lists in all: 10,000 messages have 30,000."""

MAX_OBJECT_FIELDS: Final = 500


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


def _too_large(message: str) -> InvalidFields:
    return InvalidFields([FieldError(field="", message=message)])
