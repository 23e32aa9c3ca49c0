"""The marks of a page's lists, as a browser counts them (WHATWG HTML, section 4.4.5)."""

from __future__ import annotations

import re

from bs4.element import Tag

from vital_shared.retrieval.ingest.numerals import written

__all__ = ["OrderedList"]


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
        return f"{written(number, str(item.get('type', self._type)))}."


def _number(tag: Tag, attribute: str, otherwise: int) -> int:
    value = str(tag.get(attribute, "")).strip()
    return int(value) if re.fullmatch(r"-?\d{1,6}", value) else otherwise
