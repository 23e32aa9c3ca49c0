"""The rows at the top of a table that are its header, by how they look and by the rows below them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = [
    "EMPTY_CELL",
    "Cell",
    "are_short",
    "guessed_header",
    "header_rows",
    "is_amount",
    "is_value",
    "mostly_numbers",
]

MAX_HEADER_ROWS: Final = 4
MAX_HEADING_WORDS: Final = 8
MAX_VALUE_WORDS: Final = 6
_NUMBER: Final = re.compile(r"\d")
_PRICE: Final = re.compile(r"[$\u20ac\u00a3\u00a5]\s?\d[\d.,]*")
_YEAR: Final = re.compile(r"(?:19|20)\d\d(?:[-/\u2013]\d{2,4})?")
_AMOUNT: Final = re.compile(r"\W*\d[\d.,:/\s%-]*(?:[^\W\d]{1,6}\.?|\W)?")


class Cell(NamedTuple):
    """The content of a cell."""

    text: str = ""
    bold: bool = False


EMPTY_CELL: Final = Cell()


def header_rows(
    rows: Sequence[Sequence[Cell]], *, ruled: int | None = None, merged: int = 0
) -> tuple[int, bool]:
    """Return how many rows at the top are headings, and whether anything but their words sets them apart.

    :param ruled: rows above the first line that is drawn across the table, where it sets them apart.
    :param merged: rows at the top with cells over several columns.
    """
    if len(rows) < 2:
        return 0, False
    if ruled is not None and 0 < ruled < len(rows) and ruled <= MAX_HEADER_ROWS and are_short(rows[:ruled]):
        return ruled, True
    bold = next((number for number, row in enumerate(rows) if not _is_bold(row)), 0)
    if 0 < bold <= MAX_HEADER_ROWS and are_short(rows[:bold]):
        return bold, True
    if 0 < merged < len(rows) and are_short(rows[:merged]):
        divides = merged < len(rows) - 1 and are_short([rows[merged]])  # "2024" into "Q1" and "Q2"
        return merged + int(divides and not any(map(is_amount, rows[merged]))), True
    return int(_is_heading(rows[0], rows[1:])), False


def _is_bold(row: Sequence[Cell]) -> bool:
    filled = [cell for cell in row if cell.text]
    return bool(filled) and all(cell.bold for cell in filled)


def are_short(rows: Sequence[Sequence[Cell]]) -> bool:
    """Return whether all cells are short enough for headings."""
    return all(len(cell.text.split()) <= 2 * MAX_HEADING_WORDS for row in rows for cell in row)


def _is_heading(first: Sequence[Cell], body: Sequence[Sequence[Cell]]) -> bool:
    """Return whether a row without any mark is a header, by the rows below it."""
    texts = [cell.text for cell in first]
    labels = texts[1:]
    if not labels or not all(labels) or not are_short([first]):
        return False
    if not texts[0]:
        return all(row[0].text for row in body)
    if all(map(_YEAR.fullmatch, labels)):
        return True
    if len(set(texts)) < len(texts) or any(len(text.split()) > MAX_HEADING_WORDS for text in texts):
        return False
    numeric = [column for column in range(len(first)) if mostly_numbers([row[column] for row in body])]
    if numeric:
        return not any(_NUMBER.match(texts[column]) or _PRICE.fullmatch(texts[column]) for column in numeric)
    return len(first) > 2 and not any(map(_NUMBER.match, texts))


def mostly_numbers(cells: Sequence[Cell]) -> bool:
    """Return whether more than half of the cells with a text have a number in it."""
    filled = [cell for cell in cells if cell.text]
    return sum(bool(_NUMBER.search(cell.text)) for cell in filled) > len(filled) / 2


def guessed_header(rows: Sequence[Sequence[Cell]], merged: int = 0) -> int:
    """Return how many rows at the top of a table of an office document are its header.

    Nearly all of these tables have one: three columns and more are taken to have it unless an amount stands
    in the first row. Two columns may be labels with their values, where the first row is one of them.

    :param merged: rows at the top with cells over several columns.
    """
    columns = max(map(len, rows), default=0)
    rows = [[*row, *[EMPTY_CELL] * (columns - len(row))] for row in rows]
    number, is_marked = header_rows(rows, merged=merged)
    width = max((sum(bool(cell.text) for cell in row) for row in rows), default=0)
    if is_marked or width <= 2 or len(rows) < 2:
        return number
    first = rows[0]
    has_amounts = any(map(is_amount, first)) or any(
        _NUMBER.match(first[column].text) and not _YEAR.fullmatch(first[column].text)
        for column in range(columns)
        if mostly_numbers([row[column] for row in rows[1:]])
    )
    return int(sum(bool(cell.text) for cell in first) > 1 and not has_amounts)


def is_amount(cell: Cell) -> bool:
    """Return whether a cell has an amount, which headings do not; a year may be one."""
    return _AMOUNT.fullmatch(cell.text) is not None and _YEAR.fullmatch(cell.text) is None


def is_value(text: str) -> bool:
    """Return whether a text is short enough to stand in each of the columns that its cell covers."""
    return 0 < len(text.split()) <= MAX_VALUE_WORDS
