"""Halves of surrogate pairs: Python's texts and JSON's grammar allow them, UTF-8 does not (RFC 8259, 8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator

__all__ = ["Whole", "find_lone_surrogate"]

T = TypeVar("T")

MAX_NAME_CHARACTERS: Final = 100
"""Characters of a name that are shown."""


def find_lone_surrogate(value: Any) -> str | None:
    """Return the dotted place of the first text, or name, with half a pair; None where there is none."""
    pending: list[tuple[str, Any]] = [("", value)]
    while pending:  # without recursion: values may be nested deeper than Python's stack
        path, each = pending.pop()
        if isinstance(each, str):
            if not _is_whole(each):
                return path
        elif isinstance(each, Mapping):
            if not all(_is_whole(name) for name in each if isinstance(name, str)):
                return path
            pending += [(_below(path, name), held) for name, held in each.items()]
        elif isinstance(each, list | tuple):
            pending += [(_below(path, index), held) for index, held in enumerate(each)]
    return None


def _check(value: T) -> T:
    if (place := find_lone_surrogate(value)) is not None:
        at = f" at {place}" if place else ""
        raise ValueError(f"contains half of a surrogate pair{at}, which is not a character: leave it out")
    return value


Whole = Annotated[T, AfterValidator(_check)]
"""A value whose texts can all be written as UTF-8."""


def _below(path: str, step: object) -> str:
    name = str(step)[:MAX_NAME_CHARACTERS]
    return f"{path}.{name}" if path else name


def _is_whole(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
