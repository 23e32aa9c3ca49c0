"""A table of a page."""

from __future__ import annotations

from typing import NamedTuple

from vital_shared.retrieval.ingest.header_rows import Cell

__all__ = ["Table"]


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
