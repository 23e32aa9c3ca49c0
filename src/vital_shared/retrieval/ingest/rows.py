"""Rows of sheets and of separated values as text, each with its number."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from vital_shared.retrieval.ingest.blocks import Outline, Place
from vital_shared.retrieval.ingest.tables import row_text

__all__ = ["Row", "add_rows"]

EMPTY: Final = "\u2013"
"""The sign for an empty cell where no heading shows which cells there are."""

Row = tuple[int, list[str]]
"""The number of a row, from 1, and its cells."""


def add_rows(outline: Outline, rows: Iterable[Row]) -> None:
    """Add the rows of tables, which empty rows part, each with its header where it has one."""
    for filled, part in groupby(rows, key=lambda row: any(row[1])):
        if filled:
            _add_table(outline, list(part))
    outline.at(None)


def _add_table(outline: Outline, rows: list[Row]) -> None:
    titles = [row for row in rows[:3] if sum(map(bool, row[1])) == 1 and len(rows) > 1]
    while rows and titles and rows[0] is titles[0]:  # a title above the table
        number, cells = rows.pop(0)
        titles.pop(0)
        outline.at(Place("row", number))
        outline.add("paragraph", "".join(cells))
    header = rows[0][1] if len(rows) > 1 and _is_header(rows[0][1]) else []
    for number, cells in rows[1:] if header else rows:
        outline.at(Place("row", number))
        outline.add("row", row_text(header, cells) if header else _plain(cells))


def _is_header(cells: list[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return len(filled) > 1 and not any(cell[0].isdigit() and not _is_year(cell) for cell in filled)


def _is_year(cell: str) -> bool:
    return len(cell) == 4 and cell.isdigit() and cell[:2] in {"19", "20"}


def _plain(cells: list[str]) -> str:
    last = max((number for number, cell in enumerate(cells) if cell), default=0)
    return "; ".join(" ".join(cell.split()) or EMPTY for cell in cells[: last + 1])
