"""Rows of sheets and of separated values as text, each with its number."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import NamedTuple

from vital_shared.retrieval.ingest.blocks import Outline, Place
from vital_shared.retrieval.ingest.divided_header import divided_header
from vital_shared.retrieval.ingest.header_rows import Cell, guessed_header, is_amount, mostly_numbers
from vital_shared.retrieval.ingest.tables import row_text, stacked, unheaded_row

__all__ = ["Row", "add_rows"]

Row = tuple[int, list[str]]
"""The number of a row, from 1, and its cells."""


class _SheetHeader(NamedTuple):
    """The header of a table, as far as the rows below an empty one can have it, too."""

    texts: list[str]
    columns: frozenset[int]
    """The columns that have a heading."""

    amounts: frozenset[int]
    """The columns of numbers."""

    def moved(self, columns: int) -> _SheetHeader:
        """Return the header of a table that begins some columns to the right."""
        return _SheetHeader(
            [*[""] * columns, *self.texts],
            frozenset(column + columns for column in self.columns),
            frozenset(column + columns for column in self.amounts),
        )


def add_rows(
    outline: Outline, rows: Iterable[Row], *, merged: Collection[int] = (), is_one_table: bool = False
) -> None:
    """Add the rows of tables, which empty rows part, each with its header where it has one.

    :param merged: numbers of the rows that have a cell over several columns.
    :param is_one_table: whether an empty row is a gap in the one table that there is.
    """
    header: _SheetHeader | None = None
    for filled, part in groupby(rows, key=lambda row: any(row[1])):
        if filled:
            header = _add_table(outline, list(part), merged, header, is_one_table=is_one_table)
    outline.at(None)


def _add_table(
    outline: Outline,
    rows: list[Row],
    merged: Collection[int],
    before: _SheetHeader | None,
    *,
    is_one_table: bool,
) -> _SheetHeader | None:
    goes_on = _goes_on(rows, before)
    left = 0
    if not goes_on:
        rows = _without_titles(outline, rows)
        left, right = _bounds(rows)
        rows = [(place, texts[left:right]) for place, texts in rows]
    cells = [[Cell(text) for text in row] for _, row in rows]
    number = 0 if goes_on else _header_rows(rows, cells, merged, is_one_table=is_one_table)
    if not goes_on and number <= 1 and (whole := divided_header(_even(cells))):
        cells[: len(whole)], number = whole, len(whole)
    header = _header_of(cells, number) if number else None
    if goes_on and (is_one_table or _has_amounts_of(rows[0][1], before)):
        header = before
    _add_body(outline, rows[number:], header, merged)
    return (header and header.moved(left)) or (before if goes_on else None)


def _bounds(rows: list[Row]) -> tuple[int, int]:
    """Return the first column that has something, and the one behind the last."""
    filled = [column for _, texts in rows for column, text in enumerate(texts) if text]
    return min(filled), max(filled) + 1


def _add_body(
    outline: Outline, rows: list[Row], header: _SheetHeader | None, merged: Collection[int]
) -> None:
    first = 0 if header or not rows else _bounds(rows)[0]
    for place, texts in rows:
        outline.at(Place("row", place))
        tidy = [" ".join(text.split()) for text in texts]
        if place in merged and len(tidy) > 1 and set(filter(None, tidy)) == {tidy[0]}:
            outline.add("row", tidy[0])  # one cell over the columns, which names the rows below it
        elif header:
            outline.add("row", row_text(header.texts, tidy))
        else:
            outline.add("row", unheaded_row(tidy[first : _bounds([(place, texts)])[1]]))


def _without_titles(outline: Outline, rows: list[Row]) -> list[Row]:
    """Add the titles above a table as paragraphs: up to three rows with one text each."""
    left = list(rows)
    is_list = max(len(texts) for _, texts in rows) == 1
    for place, texts in rows[:3]:
        if len(left) == 1 or is_list or len({text for text in texts if text}) != 1:
            break
        outline.at(Place("row", place))
        outline.add("paragraph", next(filter(None, texts)))
        left.pop(0)
    return left


def _header_rows(
    rows: list[Row], cells: list[list[Cell]], merged: Collection[int], *, is_one_table: bool
) -> int:
    if len(rows) < 2:
        return 0
    wide = next((number for number, (place, _) in enumerate(rows) if place not in merged), len(rows))
    number = guessed_header(cells, wide)
    if number == 0 and is_one_table:  # files of values have a header but for those of values alone
        first = [cell for cell in cells[0] if cell.text]
        return int(len(first) > 1 and not any(map(is_amount, first)))
    return number


def _header_of(cells: list[list[Cell]], number: int) -> _SheetHeader:
    even = _even(cells)
    width = len(even[0])
    texts = stacked(even[:number])
    columns = frozenset(column for column, text in enumerate(texts) if text)
    numeric = (column for column in range(width) if mostly_numbers([row[column] for row in even[number:]]))
    return _SheetHeader(texts, columns, frozenset(numeric))


def _even(cells: list[list[Cell]]) -> list[list[Cell]]:
    width = max(map(len, cells))
    return [[*row, *[Cell()] * (width - len(row))] for row in cells]


def _goes_on(rows: list[Row], before: _SheetHeader | None) -> bool:
    """Return whether rows below an empty one may belong to the table above it: they fill the same columns."""
    if before is None:
        return False
    filled = {column for _, texts in rows for column, text in enumerate(texts) if text}
    first = {column for column, text in enumerate(rows[0][1]) if text}
    is_like_it = filled == before.columns or not _has_header(rows)
    return bool(filled) and filled <= before.columns and (first == filled or len(first) > 1) and is_like_it


def _has_header(rows: list[Row]) -> bool:
    """Return whether there are words above a column of numbers."""
    left, right = _bounds(rows)
    cells = [[Cell(text) for text in texts[left:right]] for _, texts in rows]
    if guessed_header(cells) == 0:
        return False
    columns = range(min(map(len, cells)))
    return any(mostly_numbers([row[column] for row in cells[1:]]) for column in columns)


def _has_amounts_of(texts: list[str], header: _SheetHeader | None) -> bool:
    """Return whether a row has amounts in columns of numbers, as no header has."""
    return header is not None and any(
        column < len(texts) and is_amount(Cell(texts[column])) for column in header.amounts
    )
