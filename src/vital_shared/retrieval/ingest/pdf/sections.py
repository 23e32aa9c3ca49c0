"""Lines and tables to sections, paragraphs and rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from vital_shared.retrieval.ingest.blocks import Outline, Place
from vital_shared.retrieval.ingest.lines import paragraphs, usual_width
from vital_shared.retrieval.ingest.pdf.page import Item, TextLine
from vital_shared.retrieval.ingest.pdf.table import Table
from vital_shared.retrieval.ingest.pdf.table_text import TableText

__all__ = ["add_sections"]

MAX_HEADING_WORDS: Final = 16
LARGER: Final = 1.15
"""The size of a heading, as a multiple of the body text's."""

_BROKEN_WORD: Final = re.compile(r"(?P<start>[^\W\d_]+)-$")
_HEADING_LETTERS: Final = re.compile(r"[^\W\d_]{2}|[A-Z]")
_FORMULA: Final = re.compile(r"[=\u2211\u220f\u221a\u222b\u2248\u2260\u2264\u2265]")
"""Signs of formulas, which are often set in larger letters, as headings are."""

Look = tuple[float, bool]


class _Line(NamedTuple):
    page: int
    text: TextLine


def add_sections(items: Sequence[tuple[int, Item]], outline: Outline) -> None:
    """Give headings, paragraphs, code and tables to the outline.

    :param items: lines and tables, each with the number of its page.
    """
    items = _with_whole_words(items)
    sections = _Sections([item for _, item in items if isinstance(item, TextLine)], outline)
    for (page, item), following in pairwise([*items, None]):  # type: ignore[misc]  # only the last is None
        after = following[1] if following else None
        if isinstance(item, Table):
            sections.table(item, page)
        else:
            sections.line(_Line(page, item), after if isinstance(after, TextLine) else None)
    sections.finish()


class _Sections:
    """Collects the lines of a paragraph, of a heading and of code until each is whole."""

    def __init__(self, lines: Sequence[TextLine], outline: Outline) -> None:
        self._outline = outline
        self._levels = _levels(lines)
        self._width = usual_width([line.text for line in lines if not line.code])
        self._tables = TableText()
        self._body: list[_Line] = []
        self._heading: list[str] = []
        self._code: list[_Line] = []

    def table(self, table: Table, page: int) -> None:
        """Add the rows of a table."""
        self.finish()
        self._outline.at(Place("page", page))
        for row in self._tables.rows(table):
            self._outline.add("row", row)

    def line(self, line: _Line, following: TextLine | None) -> None:
        """Add a line.

        :param following: the next line; None where a table or nothing follows.
        """
        text = line.text
        if text.above == "gap":
            self.finish()
        if _is_code(text, following, in_code=bool(self._code)):
            self._add_code(line, following)
            return
        level = self._levels.get(_look(text)) if _may_be_heading(text) or self._heading else None
        if level is None:
            self._body.append(line)
            return
        self.finish()
        self._tables.interrupt()
        self._outline.at(Place("page", line.page))
        self._heading.append(text.text)
        if following is None or following.above != "line" or _look(following) != _look(text):
            self._outline.heading(level, " ".join(self._heading))
            self._heading.clear()

    def finish(self) -> None:
        """End the paragraph."""
        if self._body:
            self._outline.at(Place("page", self._body[0].page))
            for kind, text in paragraphs([line.text.text for line in self._body], width=self._width):
                self._outline.add(kind, text)
            self._body.clear()

    def _add_code(self, line: _Line, following: TextLine | None) -> None:
        self.finish()
        self._code.append(line)
        if following is None or not following.code or following.above == "gap":
            self._outline.at(Place("page", self._code[0].page))
            self._outline.add("code", "\n".join(each.text.text for each in self._code))
            self._code.clear()


def _is_code(line: TextLine, following: TextLine | None, *, in_code: bool) -> bool:
    """Return whether a line is one of several in letters of one width, or stands alone."""
    before_code = following is not None and following.code and following.above == "line"
    return line.code and (in_code or before_code or line.above == "gap")


def _look(line: TextLine) -> Look:
    return line.size, line.bold


def _levels(lines: Sequence[TextLine]) -> dict[Look, int]:
    """Return the level of each look that headings have: the largest is 1."""
    looks: Counter[Look] = Counter()
    for line in lines:
        looks[_look(line)] += len(line.text)
    if not looks:
        return {}
    size, bold = looks.most_common(1)[0][0]
    larger = [
        look for look in looks if look[0] >= LARGER * size or (look[1] and not bold and look[0] >= size)
    ]
    return {look: level for level, look in enumerate(sorted(larger, reverse=True), start=1)}


def _may_be_heading(line: TextLine) -> bool:
    sentence = line.text.endswith((".", ",", ";", ":"))
    letters = _HEADING_LETTERS.search(line.text) is not None and _FORMULA.search(line.text) is None
    return line.above != "line" and letters and not sentence and len(line.text.split()) <= MAX_HEADING_WORDS


def _with_whole_words(items: Sequence[tuple[int, Item]]) -> list[tuple[int, Item]]:
    """Join words that were hyphenated at the end of a line.

    A hyphen stays where the document writes the word with it elsewhere (``long-term``).
    """
    known = Counter(
        word.casefold()
        for _, line in items
        if isinstance(line, TextLine)
        for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)+", line.text)
    )
    whole: list[tuple[int, Item]] = []
    for page, item in items:
        upper = whole[-1][1] if whole else None
        if not isinstance(item, TextLine) or not isinstance(upper, TextLine) or item.code:
            whole.append((page, item))
            continue
        broken = _BROKEN_WORD.search(upper.text)
        end = re.match(r"[^\W\d_]+", item.text)
        if broken and end and end.group()[0].islower():
            hyphen = "-" if f"{broken['start']}-{end.group()}".casefold() in known else ""
            word, _, rest = item.text.partition(" ")
            whole[-1] = (whole[-1][0], upper._replace(text=upper.text[:-1] + hyphen + word))
            if rest:
                whole.append((page, item._replace(text=rest.strip())))
        else:
            whole.append((page, item))
    return whole
