"""Rows of tables as text that can be read, and found, without the table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from vital_shared.retrieval.ingest.divided_header import divided_header
from vital_shared.retrieval.ingest.header_rows import Cell

__all__ = ["EMPTY", "row_text", "stacked", "table_lines", "table_rows", "unheaded_row"]

EMPTY: Final = "\u2013"
"""The sign for an empty cell where no heading shows which cells there are."""

MAX_SIGNS: Final = 12
"""Empty cells side by side that get a sign each; more of them get one together: nobody counts them."""


def table_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row: ``Header: value; Header: value``.

    A table that is all header is kept as one line of its headings.
    """
    lines = [row_text(header, row) for row in rows]
    return lines or [row_text((), header)]


def row_text(header: Sequence[str], row: Sequence[str]) -> str:
    """Return one row; cells without a heading stand alone, and empty cells are left out.

    Those between a cell without a heading and what is shown before it get a sign, which keeps its place.
    """
    if not any(header):
        return "; ".join(text for cell in row if (text := " ".join(cell.split())))
    headings = [*header, *[""] * len(row)]
    shown: list[str] = []
    gap: list[str] = []
    for column, (heading, cell) in enumerate(zip(headings, row, strict=False)):
        name, text = " ".join(heading.split()), " ".join(cell.split())
        if not text:
            gap = [f"{name}: {EMPTY}"] if name else [*gap, EMPTY]
            continue
        if not name and column:
            shown += gap if len(gap) <= MAX_SIGNS else gap[:1]
        shown.append(f"{name}: {text}" if name else text)
        gap = []
    return "; ".join(shown)


def table_lines(rows: Sequence[Sequence[Cell]], header: int) -> list[str]:
    """Return a line for each row below the header, or all of them where there is none.

    :param header: rows at the top that are headings.
    """
    width = max(map(len, rows), default=0)
    even = [[*row, *[Cell()] * (width - len(row))] for row in rows]
    if header <= 1 and (whole := divided_header(even)):
        even[: len(whole)], header = whole, len(whole)
    headings = stacked(even[:header])
    body = [[" ".join(cell.text.split()) for cell in row] for row in even[header:]]
    if not any(headings):
        return [unheaded_row(row) for row in body if any(row)]
    return table_rows(headings, body)


def stacked(rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Join the headings over each column; one that covers several rows stands there once."""
    columns = zip(*rows, strict=True)
    return [" ".join(dict.fromkeys(cell.text for cell in column if cell.text)) for column in columns]


def unheaded_row(row: Sequence[str]) -> str:
    """Return a row that no heading explains: a label with its value, or cells with a sign for empty ones."""
    filled = [number for number, text in enumerate(row) if text]
    if len(row) == 2 and len(filled) == 2:
        return f"{row[0].removesuffix(':')}: {row[1]}"
    if len(filled) == 1:
        return row[filled[0]]
    shown: list[str] = []
    for text, run in groupby(row):
        many = len(list(run))
        shown += [text or EMPTY] * (many if text or many <= MAX_SIGNS else 1)
    return "; ".join(shown)
