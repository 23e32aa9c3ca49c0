"""Cells that a question asks for and that are empty in the row that it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from vital_shared.models.citation import Passage
from vital_shared.retrieval.words import content_words

__all__ = ["asks_for_empty_cell"]

MIN_CELLS: Final = 2
"""Cells with a heading from which on a line is a row of a table."""

MAX_HEADING_CHARACTERS: Final = 60

_IN_BRACKETS: Final = re.compile(r"[(\[][^)\]]*[)\]]")


class _FilledCells(NamedTuple):
    headings: frozenset[str]
    """Headings of the filled cells."""

    words: frozenset[str]
    """Words of the values."""

    name: frozenset[str]
    """Words of the first value, which names the row."""


def asks_for_empty_cell(question: str, passages: Sequence[Passage]) -> bool:
    """Return whether the best passage is a table in which the row that is named lacks what is asked for.

    "What is the extension of Petra Lindqvist?", where other rows have an extension, and hers has none.

    :param passages: best first.
    """
    rows = _rows(passages[0].text) if passages else []
    wanted = content_words(question)
    asked = {heading for row in rows for heading in row.headings if _is_asked(heading, wanted)}
    if not asked:
        return False
    named = wanted - {word for heading in asked for word in content_words(heading)}
    best = max(len(named & row.words) for row in rows)
    likely = [row for row in rows if len(named & row.words) == best]
    if len(likely) > 1:  # "A 12" and "A 12 Pro": the question has all words of one of the names
        likely = [row for row in likely if row.name <= named]
    return best > 0 and len(likely) == 1 and not asked <= likely[0].headings


def _is_asked(heading: str, wanted: set[str] | frozenset[str]) -> bool:
    words = content_words(_IN_BRACKETS.sub(" ", heading))
    return bool(words) and words <= wanted


def _rows(text: str) -> list[_FilledCells]:
    """Return the rows of the first table of a passage: all begin with the same heading."""
    rows: list[tuple[str, _FilledCells]] = []
    for line in text.splitlines():
        cells = [cell.partition(": ") for cell in line.split("; ")]
        filled = [
            (name, value) for name, mark, value in cells if mark and len(name) <= MAX_HEADING_CHARACTERS
        ]
        if len(filled) >= MIN_CELLS:
            words = frozenset(word for _, value in filled for word in content_words(value))
            headings = frozenset(name for name, _ in filled)
            rows.append((filled[0][0], _FilledCells(headings, words, content_words(filled[0][1]))))
    return [row for first, row in rows if first == rows[0][0]]
