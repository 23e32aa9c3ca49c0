"""The arguments of the calls that models ask for, which may be anything that JSON can say, and more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import to_json

from vital_shared.models.clean_text import clean_text

__all__ = ["argument_problem", "arguments_text"]

MAX_ARGUMENT_DEPTH: Final = 32
MAX_ARGUMENT_VALUES: Final = 10_000
MAX_ARGUMENT_CHARACTERS: Final = 100_000
MAX_INTEGER_BITS: Final = 63
"""Larger integers are changed or refused by JSON's other readers (RFC 8259, section 6)."""


def argument_problem(arguments: object) -> str | None:
    """Explain why arguments can be neither stored nor sent; None where they can.

    Looks at no more of them than is allowed, and never goes deeper into the stack.
    """
    values, characters = 1, 0
    level: list[object] = [arguments]
    for _ in range(MAX_ARGUMENT_DEPTH):
        inner: list[object] = []
        for value in level:
            characters += len(value) if isinstance(value, str) else 0
            values += len(value) if isinstance(value, dict | list | tuple) else 0
            if values > MAX_ARGUMENT_VALUES or characters > MAX_ARGUMENT_CHARACTERS:
                return "its arguments are too long"
            problem = _value_problem(value)
            if problem is not None:
                return problem
            inner.extend(_parts(value))
        level = inner
        if not level:
            return None
    return "its arguments are nested too deep"


def arguments_text(arguments: dict[str, Any]) -> str:
    """Write arguments as JSON; nothing where they cannot be written."""
    return "" if argument_problem(arguments) else to_json(arguments).decode()


def _value_problem(value: object) -> str | None:
    if isinstance(value, str):
        return None if clean_text(value) == value else "its arguments hold characters that are none"
    if value is None or isinstance(value, bool | dict | list | tuple):
        return None
    if isinstance(value, int):
        return None if value.bit_length() <= MAX_INTEGER_BITS else "its arguments hold too large a number"
    if isinstance(value, float):
        return None if value - value == 0 else "its arguments hold a number that is none"
    return f"its arguments hold a {type(value).__name__}, which is no JSON"


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
