"""The numbers of items and headings in OpenDocument, which follow from styles (ISO/IEC 26300-1, 5.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from lxml import etree

from vital_shared.retrieval.ingest.numerals import written
from vital_shared.retrieval.ingest.odf_text import PARAGRAPH, odf_name

__all__ = ["HEADING", "ITEM", "LIST", "OdfListNumbers"]

HEADING: Final = odf_name("text", "h")
LIST: Final = odf_name("text", "list")
ITEM: Final = odf_name("text", "list-item")
_LIST_STYLE: Final = odf_name("text", "list-style")
_OUTLINE_STYLE: Final = odf_name("text", "outline-style")
_NUMBERED: Final = frozenset(
    {odf_name("text", "list-level-style-number"), odf_name("text", "outline-level-style")}
)
_CONTINUES: Final = odf_name("text", "continue-numbering")
_CONTINUED: Final = odf_name("text", "continue-list")
_ID: Final = "{http://www.w3.org/XML/1998/namespace}id"
MAX_LEVELS: Final = 10


class _OdfLevel(NamedTuple):
    """One level of a list's style."""

    kind: str
    prefix: str
    suffix: str
    start: int
    shown: int
    """The levels whose numbers are shown, up to this one."""


_OdfLevels = Mapping[int, _OdfLevel]


class _OpenList(NamedTuple):
    """A list that is being read."""

    style: str
    level: int
    counts: dict[int, int]
    """The numbers of its levels, which lists within it share, and those that continue it."""


class OdfListNumbers:
    """The numbers of items, in their order.

    :param roots: the parts that have styles.
    """

    def __init__(self, *roots: etree._Element) -> None:
        self._styles = {
            str(each.get(odf_name("style", "name"))): dict(_levels(each))
            for root in roots
            for each in root.iter(_LIST_STYLE)
        }
        outlines = (dict(_levels(each)) for root in roots for each in root.iter(_OUTLINE_STYLE))
        self._outline: _OdfLevels = next(outlines, {})
        self._headings: dict[int, int] = {}
        self._open: list[_OpenList] = []
        self._by_id: dict[str, dict[int, int]] = {}
        self._by_style: dict[str, dict[int, int]] = {}

    def open(self, element: etree._Element) -> None:
        """Begin to read a list."""
        own = str(element.get(odf_name("text", "style-name"), ""))
        if self._open:
            around = self._open[-1]
            self._open.append(_OpenList(own or around.style, around.level + 1, around.counts))
            return
        counts: dict[int, int] = {}
        if (continued := element.get(_CONTINUED)) in self._by_id:
            counts = self._by_id[str(continued)]
        elif element.get(_CONTINUES) == "true":
            counts = self._by_style.get(own, counts)
        self._by_style[own] = counts
        if name := element.get(_ID):
            self._by_id[str(name)] = counts
        self._open.append(_OpenList(own, 1, counts))

    def close(self) -> None:
        """End the list."""
        self._open.pop()

    def item(self, element: etree._Element) -> str:
        """Return the number of the next item; empty: it has a bullet, or only holds another list."""
        found = self._open[-1] if self._open else None
        if found is None or not len(element) or element[0].tag not in {PARAGRAPH, HEADING}:
            return ""
        levels = self._styles.get(found.style, {})
        return _next(levels, found.counts, found.level, _number(element, "start-value", None))

    def heading(self, level: int) -> str:
        """Return the number of the next heading that is in no list; empty: its level has none."""
        return _next(self._outline, self._headings, level)


def _next(levels: _OdfLevels, counts: dict[int, int], level: int, given: int | None = None) -> str:
    """Count on, and write the number."""
    for deeper in [each for each in counts if each > level]:
        del counts[deeper]
    style = levels.get(level)
    first = style.start if style else 1
    counts[level] = given if given is not None else counts.get(level, first - 1) + 1
    if style is None or not style.kind:
        return ""
    shown = range(max(1, level - style.shown + 1), level + 1)
    numbers = [
        written(counts.get(each, levels[each].start), levels[each].kind)
        for each in shown
        if each in levels and levels[each].kind
    ]
    return f"{style.prefix}{'.'.join(numbers)}{style.suffix}".strip()


def _levels(style: etree._Element) -> Iterator[tuple[int, _OdfLevel]]:
    for each in style:
        if each.tag in _NUMBERED:
            yield (
                _number(each, "level", 1),
                _OdfLevel(
                    kind=str(each.get(odf_name("style", "num-format"), "")),
                    prefix=str(each.get(odf_name("style", "num-prefix"), "")),
                    suffix=str(each.get(odf_name("style", "num-suffix"), "")),
                    start=_number(each, "start-value", 1),
                    shown=min(_number(each, "display-levels", 1), MAX_LEVELS),
                ),
            )


N = TypeVar("N", int, None)


def _number(element: etree._Element, name: str, otherwise: N) -> int | N:
    value = str(element.get(odf_name("text", name), ""))
    return int(value) if re.fullmatch(r"[0-9]{1,6}", value) else otherwise
