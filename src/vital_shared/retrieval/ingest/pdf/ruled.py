"""Tables with lines around their cells."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from vital_shared.retrieval.ingest.header_rows import EMPTY_CELL, Cell, header_rows
from vital_shared.retrieval.ingest.lines import ends_within_name
from vital_shared.retrieval.ingest.pdf.aligned import aligned_table, line_size
from vital_shared.retrieval.ingest.pdf.grid import Area, Grid, merged_rules
from vital_shared.retrieval.ingest.pdf.rules import Rule
from vital_shared.retrieval.ingest.pdf.table import Table
from vital_shared.retrieval.ingest.pdf.words import Word, joined, text_lines

__all__ = ["ruled_table"]

MAX_CELL_WORDS: Final = 150
"""Words in a cell; where there are more, the lines frame parts of a page and not a table."""

WORDS_PER_LINE: Final = 3
"""Words per line in cells of running text; lines with fewer are rows."""

MIN_STACK: Final = 3
"""Lines of text in a row of the grid that may be rows of their own."""


def ruled_table(grid: Grid, words: Sequence[Word], rules: Sequence[Rule]) -> Table | None:
    """Return the table that a grid and the words within it make; None where it frames something else."""
    cells = _words_by_area(grid, words)
    filled = {area: text_lines(cell) for area, cell in cells.items() if cell}
    if len(filled) < 2 or max(map(len, cells.values())) > MAX_CELL_WORDS:
        return None
    if _has_rows_within(grid, filled):
        level = [rule for rule in merged_rules(rules)[0] if grid.holds(rule.x0 + 5, rule.y0)]
        table = aligned_table(text_lines(words), level, walls=grid.xs[1:-1])
        if table is not None:
            return table
    rows = _rows(grid, filled)
    if len(rows) < 2 and len(filled) < 3:
        return None
    if all(sum(bool(cell.text) for cell in row) < 2 for row in rows):
        return None
    return Table(
        tuple(map(tuple, rows)),
        *header_rows(rows, merged=_merged_rows(grid)),
        x0=grid.xs[0],
        x1=grid.xs[-1],
        y0=grid.ys[0],
        y1=grid.ys[-1],
        edges=grid.xs[:-1],
    )


def _words_by_area(grid: Grid, words: Sequence[Word]) -> dict[Area, list[Word]]:
    cells: dict[Area, list[Word]] = {area: [] for area in grid.areas}
    by_place = {
        (row, column): area
        for area in grid.areas
        for row in range(area.top, area.bottom)
        for column in range(area.left, area.right)
    }
    for word in words:
        column = sum(x < (word.x0 + word.x1) / 2 for x in grid.xs[1:-1])
        row = sum(y < word.y - word.size / 4 for y in grid.ys[1:-1])
        cells[by_place[row, column]].append(word)
    return cells


def _has_rows_within(grid: Grid, filled: dict[Area, list[list[Word]]]) -> bool:
    """Return whether most text stands in rows of the grid that have rows of their own, without lines."""
    stacked = total = 0
    for row in range(len(grid.ys) - 1):
        cells = {area: lines for area, lines in filled.items() if area.top == row and area.bottom == row + 1}
        height = max(map(len, cells.values()), default=0)
        total += height
        if height >= MIN_STACK and _are_rows(grid, cells):
            stacked += height
    return stacked > total / 2


def _are_rows(grid: Grid, cells: dict[Area, list[list[Word]]]) -> bool:
    """Return whether lines of neighbouring cells belong together: they are level, and nothing forced them."""
    levels = [round(lines[0].y) for cell in cells.values() for lines in cell]
    shared = sum(levels.count(level) > 1 or levels.count(level + 1) > 0 for level in set(levels))
    if len(cells) < 2 and not any(len(line) > 1 for cell in cells.values() for line in cell):
        return False
    if len(cells) > 1 and shared < 0.6 * len(set(levels)):
        return False
    if len(cells) > 1 and any(len(lines) >= MIN_STACK and _are_numbers(lines) for lines in cells.values()):
        return True
    heights = {len(lines) for lines in cells.values()}
    words = sum(len(line) for lines in cells.values() for line in lines)
    if len(cells) > 1 and len(heights) == 1 and words < WORDS_PER_LINE * len(cells) * heights.pop():
        return True
    breaks = [
        _was_forced(upper, lower, grid.xs[area.right] - grid.xs[area.left])
        for area, lines in cells.items()
        for upper, lower in pairwise(lines)
    ]
    return bool(breaks) and sum(breaks) < len(breaks) / 2


def _are_numbers(lines: Sequence[Sequence[Word]]) -> bool:
    words = [word for line in lines for word in line]
    return sum(any(map(str.isdigit, word.text)) for word in words) > len(words) / 2


def _was_forced(upper: Sequence[Word], lower: Sequence[Word], width: float) -> bool:
    used = upper[-1].x1 - upper[0].x0 + lower[0].x1 - lower[0].x0
    return used + line_size(upper) > width


def _rows(grid: Grid, filled: dict[Area, list[list[Word]]]) -> list[list[Cell]]:
    """Return the cells by row and column; one over several rows or header columns stands in each of them."""
    columns = len(grid.xs) - 1
    rows = [[EMPTY_CELL] * columns for _ in range(len(grid.ys) - 1)]
    for area, lines in filled.items():
        text = _cell_text(lines)
        cell = Cell(text, all(word.bold for line in lines for word in line))
        for row in range(area.top, area.bottom):
            for column in range(area.left, area.right):
                rows[row][column] = cell
    kept = [column for column in range(columns) if any(row[column].text for row in rows)]
    return [[row[column] for column in kept] for row in rows if any(cell.text for cell in row)]


def _cell_text(lines: Sequence[Sequence[Word]]) -> str:
    text = ""
    for line in lines:
        following = joined(line)
        if ends_within_name(text, following):
            text += following
            continue
        broken = text.endswith("-") and text[-2:-1].isalpha() and following[:1].islower()
        text = text[:-1] + following if broken else f"{text} {following}".strip()
    return text


def _merged_rows(grid: Grid) -> int:
    """Return the rows at the top that have cells over several columns, but not over all."""
    columns = len(grid.xs) - 1
    wide = [area for area in grid.areas if 1 < area.right - area.left < columns and area.top < 2]
    tops = {row for area in wide for row in range(area.top, area.bottom)}
    return next((row for row in range(3) if row not in tops), 0)
