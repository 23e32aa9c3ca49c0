"""The numbers that Word writes before headings and items by itself, such as "§ 3" or "2.1".

The text of a paragraph does not have them: they follow from its place, its style and the part
`word/numbering.xml`. See ISO/IEC 29500-1, 17.9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from docx.document import Document as WordDocument
from docx.oxml.ns import qn
from lxml import etree

from vital_shared.retrieval.ingest.numerals import in_letters, in_roman
from vital_shared.retrieval.ingest.packages import parse_xml

__all__ = ["WordNumbers"]

_NUMBERING: Final = "/numbering"
_PLACE: Final = re.compile(r"%([1-9])")
_UNNUMBERED: Final = frozenset(("bullet", "none"))
MAX_STYLES: Final = 20
"""The longest chain of styles that are based on each other."""


class _Level(NamedTuple):
    """One level of a list."""

    start: int = 1
    kind: str = "decimal"
    text: str = ""
    style: str = ""
    """The style whose paragraphs are of this level."""


class _List(NamedTuple):
    """A list that paragraphs name."""

    scheme: str
    """The lists of a scheme count on from each other."""
    levels: Mapping[int, _Level]
    restarts: Mapping[int, int]
    """The numbers from which its levels begin anew."""


class WordNumbers:
    """The numbers of a document's paragraphs, which are asked for in their order."""

    def __init__(self, document: WordDocument) -> None:
        parts = document.part.rels.values()
        found = [each for each in parts if not each.is_external and each.reltype.endswith(_NUMBERING)]
        root = parse_xml(found[0].target_part.blob) if found else None
        self._lists = {} if root is None else dict(_lists(root))
        self._styles = {style.style_id: style.element for style in document.styles}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[str] = set()

    def label(self, paragraph: etree._Element) -> str:
        """Return what Word writes before the next paragraph; empty: nothing, or a bullet."""
        if not self._lists:
            return ""
        name, number = self._place(paragraph)
        found = self._lists.get(name)
        if found is None or number not in found.levels:
            return ""
        counts = self._counted(name, found, number)
        level = found.levels[number]
        if level.kind in _UNNUMBERED:
            return ""

        def shown(place: re.Match[str]) -> str:
            index = int(place[1]) - 1
            return _shown(counts.get(index, 1), found.levels.get(index, _Level()).kind)

        return " ".join(_PLACE.sub(shown, level.text).split())

    def _counted(self, name: str, found: _List, number: int) -> Mapping[int, int]:
        """Count a paragraph, and return the numbers of all levels down to its own."""
        counts = self._counts.setdefault(found.scheme, {})
        if name not in self._begun:
            self._begun.add(name)
            for level in found.restarts:
                counts.pop(level, None)
        for level in [each for each in counts if each > number]:
            del counts[level]
        for level in range(number):
            counts.setdefault(level, self._start(found, level))
        counts[number] = counts[number] + 1 if number in counts else self._start(found, number)
        return counts

    @staticmethod
    def _start(found: _List, level: int) -> int:
        return found.restarts.get(level, found.levels.get(level, _Level()).start)

    def _place(self, paragraph: etree._Element) -> tuple[str, int]:
        """Return the list of a paragraph, and its level in it: its own, or its style's."""
        properties = paragraph.find(qn("w:pPr"))
        if properties is None:
            return "", 0
        style, level = _value(properties, "w:pStyle"), _value(properties, "w:numPr/w:ilvl")
        name = _value(properties, "w:numPr/w:numId")
        for _ in range(MAX_STYLES):
            element = self._styles.get(style)
            if name or element is None:
                break
            name = _value(element, "w:pPr/w:numPr/w:numId")
            level = level or _value(element, "w:pPr/w:numPr/w:ilvl") or self._level_of(name, style)
            style = _value(element, "w:basedOn")
        return name, int(level) if level.isdecimal() else 0

    def _level_of(self, name: str, style: str) -> str:
        levels = self._lists[name].levels.items() if name in self._lists else ()
        return next((str(number) for number, level in levels if level.style == style), "")


def _lists(root: etree._Element) -> Iterator[tuple[str, _List]]:
    schemes = {
        each.get(qn("w:abstractNumId"), ""): dict(_levels(each))
        for each in root.iterfind(qn("w:abstractNum"))
    }
    for each in root.iterfind(qn("w:num")):
        scheme = _value(each, "w:abstractNumId")
        overrides = list(each.iterfind(qn("w:lvlOverride")))
        levels = dict(schemes.get(scheme, {}))
        restarts = {}
        for override in overrides:
            levels |= dict(_levels(override))
            start = _value(override, "w:startOverride")
            if start.isdecimal():
                restarts[_number(override, "w:ilvl")] = int(start)
        yield each.get(qn("w:numId"), ""), _List(scheme, levels, restarts)


def _levels(parent: etree._Element) -> Iterator[tuple[int, _Level]]:
    for each in parent.iterfind(qn("w:lvl")):
        start = _value(each, "w:start")
        level = _Level(
            start=int(start) if start.isdecimal() else 1,
            kind=_value(each, "w:numFmt") or "decimal",
            text=_value(each, "w:lvlText"),
            style=_value(each, "w:pStyle"),
        )
        yield _number(each, "w:ilvl"), level


def _value(parent: etree._Element, path: str) -> str:
    found = parent.find("/".join(map(qn, path.split("/"))))
    return "" if found is None else str(found.get(qn("w:val"), ""))


def _number(element: etree._Element, name: str) -> int:
    value = element.get(qn(name), "")
    return int(value) if value.isdecimal() else 0


def _shown(number: int, kind: str) -> str:
    """Write a number as its level does; kinds of other scripts are written in digits."""
    match kind:
        case "lowerLetter" | "upperLetter":
            text = in_letters(number, repeated=True)
        case "lowerRoman" | "upperRoman":
            text = in_roman(number)
        case "decimalZero":
            text = f"{number:02}"
        case _:
            text = str(number)
    return text.upper() if kind.startswith("upper") else text
