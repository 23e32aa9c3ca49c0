"""Tables of plain text, whose columns are made of blanks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from vital_shared.retrieval.ingest.header_rows import Cell, guessed_header
from vital_shared.retrieval.ingest.tables import table_lines

__all__ = ["text_table"]

MIN_LINES: Final = 3
"""Lines from which on columns of blanks are no accident of prose."""

MIN_GAP: Final = 2
_RULE: Final = re.compile(r"[\s=+|_-]*")
_MARKER: Final = re.compile(r"(?:\W|\w{1,3}[.)])*")
"""Bullets and numbers of items."""

_CELLS: Final = re.compile(r"\S {2,}\S")


def text_table(lines: Sequence[str]) -> list[str] | None:
    """Return the rows of a table, or None where the lines are something else.

    :param lines: without empty ones between them, tabs expanded.
    """
    lines = [line for line in lines if not _RULE.fullmatch(line)]
    parted = sum(_CELLS.search(line.strip()) is not None for line in lines)
    if len(lines) < MIN_LINES or parted < len(lines) - 1 or any("|" in line for line in lines):
        return None
    width = max(map(len, lines))
    blank = [all(line[place : place + 1] in {"", " "} for line in lines) for place in range(width)]
    gaps = _gaps(blank)
    if not gaps:
        return None
    edges = [0, *gaps, width]
    rows = [[Cell(line[start:end].strip()) for start, end in pairwise(edges)] for line in lines]
    columns = [[row[column].text for row in rows] for column in range(len(edges) - 1)]
    if all(_MARKER.fullmatch(text) for text in columns[0]) or not all(map(_has_words, columns)):
        return None
    return table_lines(rows, guessed_header(rows))


def _has_words(column: Sequence[str]) -> bool:
    """Return whether a column has more than bullets and signs of comments."""
    return any(char.isalnum() for text in column for char in text)


def _gaps(blank: Sequence[bool]) -> list[int]:
    """Return where columns begin, behind blanks that all lines have in the same places."""
    starts: list[int] = []
    run = 0
    seen = False
    for place, is_blank in enumerate(blank):
        if is_blank:
            run += 1
            continue
        if seen and run >= MIN_GAP:
            starts.append(place)
        seen, run = True, 0
    return starts
