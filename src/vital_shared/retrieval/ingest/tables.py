"""Rows of tables as text that can be read, and found, without the table."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["row_text", "table_rows"]


def table_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row: ``Header: value; Header: value``.

    A table that is all header is kept as one line of its headings.
    """
    lines = [row_text(header, row) for row in rows]
    return lines or [row_text((), header)]


def row_text(header: Sequence[str], row: Sequence[str]) -> str:
    """Return one row; cells without a heading stand alone, empty cells are left out."""
    headings = [*header, *[""] * len(row)]
    pairs = (
        (" ".join(heading.split()), " ".join(cell.split()))
        for heading, cell in zip(headings, row, strict=False)
    )
    return "; ".join(f"{heading}: {cell}" if heading else cell for heading, cell in pairs if cell)
