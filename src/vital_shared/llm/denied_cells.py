"""Cells that a question asks for, and that deny it or stand in other tables than the row that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from vital_shared.llm.yes_or_no import asks_yes_or_no
from vital_shared.models.citation import Passage
from vital_shared.retrieval.language import language_of
from vital_shared.retrieval.words import content_words

__all__ = ["asks_for_denied_cell", "asks_for_foreign_column"]

MIN_CELLS: Final = 2
"""Cells with a heading from which on a line is a row of a table."""

MAX_HEADING_CHARACTERS: Final = 60

_IN_BRACKETS: Final = re.compile(r"[(\[][^)\]]*[)\]]")
_DENIED: Final = re.compile(
    r"(?:not|nicht) \w+(?: \w+)?|n/?a|never|nie|entfällt|[-\u2013\u2014]+", re.IGNORECASE
)
_NONE: Final = re.compile(r"no|none|nein|kein\w*", re.IGNORECASE)
_AMOUNT: Final = re.compile(
    r"\bhow (?:much|many)\b|\b(?:cost|price|fee|charge)s?\b|\bwie ?(?:hoch|viel\w*|teuer)\b"
    r"|kost|preis|gebühr|beitrag",
    re.IGNORECASE,
)
"""Questions that "none" answers."""


class _NamedRow(NamedTuple):
    """A row of a table."""

    name: frozenset[str]
    """Words of its first cell."""

    in_brackets: frozenset[str]
    """Words in brackets behind them, which name it too."""

    cells: tuple[tuple[str, str], ...]
    """Headings and values of the others."""

    first_heading: str
    """Heading of its first cell; empty where it has none."""

    def is_named_by(self, words: frozenset[str]) -> bool:
        return any(name and name <= words for name in (self.name, self.in_brackets))


def asks_for_denied_cell(question: str, passages: Sequence[Passage]) -> bool:
    """Return whether the cell that is asked for says that there is no such thing.

    "How large is the screen of the M 2?", where its row says "Screen: none". Where it is asked whether there
    is one, or how much it costs, that is the answer.
    """
    if not passages or asks_yes_or_no(question, language_of(passages[0].text)):
        return False
    wanted = content_words(question)
    asked = [
        (len(row.name), value)
        for row in _rows(passages)
        if row.is_named_by(wanted) and (value := _asked_value(row, wanted))
    ]
    most = max((words for words, _ in asked), default=0)
    values = [value for words, value in asked if words == most]
    is_amount = _AMOUNT.search(question) is not None
    return bool(values) and all(_denies(value, is_amount=is_amount) for value in values)


def asks_for_foreign_column(question: str, passages: Sequence[Passage]) -> bool:
    """Return whether tables have the column that is asked for, but none of them the row that is named.

    "What is the part number of the race?", where parts have numbers in one table, and the race is in another.
    """
    rows = list(_rows(passages))
    wanted = content_words(question)
    first = {row.first_heading for row in rows}
    asked = {
        heading
        for row in rows
        for heading, _ in row.cells
        if heading not in first and _heading_words(heading) and _heading_words(heading) <= wanted
    }
    known = {word for heading in asked | first for word in _heading_words(heading)}
    named = [row for row in rows if row.first_heading and row.name and row.name <= wanted - known]
    if not asked or not named or any(heading in asked for row in named for heading, _ in row.cells):
        return False
    names = max((row.name for row in named), key=len)
    return not any(
        names <= content_words(line)
        and any(_heading_words(heading) <= content_words(line) for heading in asked)
        for passage in passages
        for line in passage.text.splitlines()
    )


def _asked_value(row: _NamedRow, wanted: frozenset[str]) -> str | None:
    """Return the value under the heading that has the most of the question's words."""
    headings = [
        (len(words), value)
        for heading, value in row.cells
        if (words := _heading_words(heading)) and words <= wanted
    ]
    return max(headings, key=lambda heading: heading[0])[1] if headings else None


def _denies(value: str, *, is_amount: bool) -> bool:
    value = value.strip().rstrip(".")
    return bool(_DENIED.fullmatch(value) or (not is_amount and _NONE.fullmatch(value)))


def _heading_words(heading: str) -> frozenset[str]:
    return content_words(_IN_BRACKETS.sub(" ", heading))


def _rows(passages: Sequence[Passage]) -> Iterator[_NamedRow]:
    for passage in passages:
        for line in passage.text.splitlines():
            cells = [cell.partition(": ") for cell in line.split("; ")]
            filled = tuple(
                (heading, value)
                for heading, mark, value in cells
                if mark and len(heading) <= MAX_HEADING_CHARACTERS
            )
            if len(filled) < MIN_CELLS:
                continue
            heading, mark, value = cells[0]
            name = value if mark else heading
            in_brackets = content_words(" ".join(_IN_BRACKETS.findall(name)))
            cells_behind, first_heading = (filled[1:], heading) if mark else (filled, "")
            yield _NamedRow(_heading_words(name), in_brackets, cells_behind, first_heading)
