"""The marks of a page's lists, as a browser counts them (WHATWG HTML, section 4.4.5)."""

from __future__ import annotations

import re
from typing import Final

from bs4.element import Tag

__all__ = ["OrderedList"]

_ROMAN: Final = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl")),
    *((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_MAX_ROMAN: Final = 3_999
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


class OrderedList:
    """The marks of one ``ol``, given item by item."""

    def __init__(self, tag: Tag) -> None:
        is_reversed = tag.has_attr("reversed")
        first = len(tag.find_all("li", recursive=False)) if is_reversed else 1
        self._next = _number(tag, "start", first)
        self._step = -1 if is_reversed else 1
        self._type = str(tag.get("type", "1"))

    def mark(self, item: Tag) -> str:
        """Return the mark before an item: its number or letter, and a full stop."""
        number = _number(item, "value", self._next)
        self._next = number + self._step
        return f"{_written(number, str(item.get('type', self._type)))}."


def _number(tag: Tag, attribute: str, otherwise: int) -> int:
    value = str(tag.get(attribute, "")).strip()
    return int(value) if re.fullmatch(r"-?\d{1,6}", value) else otherwise


def _written(number: int, kind: str) -> str:
    if kind in {"a", "A"} and number > 0:
        text = ""
        while number:
            number, letter = divmod(number - 1, len(_LETTERS))
            text = _LETTERS[letter] + text
    elif kind in {"i", "I"} and 0 < number <= _MAX_ROMAN:
        text = ""
        for value, letters in _ROMAN:
            count, number = divmod(number, value)
            text += letters * count
    else:
        return str(number)
    return text.upper() if kind.isupper() else text
