"""The numbers that PowerPoint writes before the paragraphs of a text (ISO/IEC 29500-1, 21.1.2.4.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lxml import etree
from pptx.oxml.ns import qn

from vital_shared.retrieval.ingest.numerals import written

__all__ = ["SlideListNumbers"]

_KIND: Final = re.compile(r"(alphaLc|alphaUc|romanLc|romanUc|arabic)(ParenBoth|ParenR|Period|Plain)")
_NUMERALS: Final[Mapping[str, str]] = {
    "alphaLc": "a",
    "alphaUc": "A",
    "romanLc": "i",
    "romanUc": "I",
    "arabic": "1",
}
_MARKS: Final[Mapping[str, str]] = {"ParenBoth": "({})", "ParenR": "{})", "Period": "{}.", "Plain": "{}"}
MAX_START: Final = 32_767
"""The largest number that a list may begin with, by the standard."""


class SlideListNumbers:
    """The numbers of one text's paragraphs, which are asked for in their order."""

    def __init__(self) -> None:
        self._counts: dict[int, tuple[str, int]] = {}
        """The kind of each level's numbers, and the last one."""

    def label(self, paragraph: etree._Element) -> str:
        """Return the number before the next paragraph that has a text; empty: it has none, or a bullet."""
        properties = paragraph.find(qn("a:pPr"))
        level = _number(properties, "lvl", 0) if properties is not None else 0
        numbering = properties.find(qn("a:buAutoNum")) if properties is not None else None
        for each in [each for each in self._counts if each > level or (each == level and numbering is None)]:
            del self._counts[each]
        if numbering is None:
            return ""
        start = _number(numbering, "startAt", 1)
        kind = f"{numbering.get('type')} from {start}"
        before = self._counts.get(level)
        number = before[1] + 1 if before is not None and before[0] == kind else start
        self._counts[level] = (kind, number)
        known = _KIND.fullmatch(str(numbering.get("type")))
        if known is None:  # in circles, or of other scripts
            return str(number)
        return _MARKS[known[2]].format(written(number, _NUMERALS[known[1]]))


def _number(element: etree._Element, name: str, otherwise: int) -> int:
    value = str(element.get(name, ""))
    return min(int(value), MAX_START) if re.fullmatch(r"[0-9]{1,9}", value) else otherwise
