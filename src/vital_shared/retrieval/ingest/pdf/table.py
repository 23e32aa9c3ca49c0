"""A table of a page: its cells, and which of its rows are its header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = ["EMPTY", "Cell", "Table", "header_rows"]

MAX_HEADER_ROWS: Final = 4
MAX_HEADING_WORDS: Final = 8
_NUMBER: Final = re.compile(r"\d")
_YEAR: Final = re.compile(r"(?:19|20)\d\d(?:[-/\u2013]\d{2,4})?")


class Cell(NamedTuple):
    """The content of a cell."""

    text: str = ""
    bold: bool = False


EMPTY: Final = Cell()


class Table(NamedTuple):
    """Rows of equal length, and where they stand."""

    rows: tuple[tuple[Cell, ...], ...]
    header: int
    """Rows at the top that are headings; 0 where none is recognized."""

    is_marked: bool
    """Whether a line, bold letters or merged cells set the header apart; else its words decide."""

    x0: float
    x1: float
    y0: float
    y1: float
    edges: tuple[float, ...]
    """Left edges of the columns."""


def header_rows(
    rows: Sequence[Sequence[Cell]], *, ruled: int | None = None, merged: int = 0
) -> tuple[int, bool]:
    """Return how many rows at the top are headings, and whether anything but their words sets them apart.

    :param ruled: rows above the first line that is drawn across the table, where it sets them apart.
    :param merged: rows at the top with cells over several columns.
    """
    if len(rows) < 2:
        return 0, False
    if ruled is not None and 0 < ruled < len(rows) and ruled <= MAX_HEADER_ROWS and _are_short(rows[:ruled]):
        return ruled, True
    bold = next((number for number, row in enumerate(rows) if not _is_bold(row)), 0)
    if 0 < bold <= MAX_HEADER_ROWS and _are_short(rows[:bold]):
        return bold, True
    if 0 < merged < len(rows) - 1 and _are_short(rows[: merged + 1]):
        return merged + 1, True
    return int(_is_heading(rows[0], rows[1:])), False


def _is_bold(row: Sequence[Cell]) -> bool:
    filled = [cell for cell in row if cell.text]
    return bool(filled) and all(cell.bold for cell in filled)


def _are_short(rows: Sequence[Sequence[Cell]]) -> bool:
    return all(len(cell.text.split()) <= 2 * MAX_HEADING_WORDS for row in rows for cell in row)


def _is_heading(first: Sequence[Cell], body: Sequence[Sequence[Cell]]) -> bool:
    """Return whether a row without any mark is a header, by the rows below it."""
    texts = [cell.text for cell in first]
    labels = texts[1:]
    if not labels or not all(labels) or not _are_short([first]):
        return False
    if not texts[0]:
        return all(row[0].text for row in body)
    if all(map(_YEAR.fullmatch, labels)):
        return True
    if len(set(texts)) < len(texts) or any(len(text.split()) > MAX_HEADING_WORDS for text in texts):
        return False
    numeric = [column for column in range(len(first)) if _mostly_numbers([row[column] for row in body])]
    if numeric:
        return not any(_NUMBER.match(texts[column]) for column in numeric)
    return len(first) > 2 and not any(map(_NUMBER.match, texts))


def _mostly_numbers(cells: Sequence[Cell]) -> bool:
    filled = [cell for cell in cells if cell.text]
    return sum(bool(_NUMBER.search(cell.text)) for cell in filled) > len(filled) / 2
