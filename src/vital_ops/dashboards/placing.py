"""The places of panels: from left to right and from top to bottom, each section below its heading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vital_ops.dashboards.panel import Board, Panel, Section

__all__ = ["COLUMNS", "HEIGHT", "PlacedPanel", "placed_panels", "rows"]

COLUMNS: Final = 24
HEIGHT: Final = 8
"""The height of a panel, in rows of the grid."""


@dataclass(frozen=True, slots=True)
class PlacedPanel:
    """A panel, and the place of its upper left corner."""

    panel: Panel
    x: int
    y: int


def rows(board: Board) -> Iterator[tuple[Section, int]]:
    """Return the sections of a dashboard, and the row in which each begins; the first has no heading."""
    row = 0
    for section in (Section("", board.panels), *board.sections):
        yield section, row
        panels = list(placed_panels(section, row))
        row = panels[-1].y + HEIGHT if panels else row + bool(section.title)


def placed_panels(section: Section, row: int) -> Iterator[PlacedPanel]:
    """Place the panels of a section.

    :param row: the row in which it begins.
    """
    x, y = 0, row + bool(section.title)
    for panel in section.panels:
        if x + panel.width > COLUMNS:
            x, y = 0, y + HEIGHT
        yield PlacedPanel(panel, x, y)
        x += panel.width
