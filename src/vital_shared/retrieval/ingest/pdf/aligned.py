"""Tables that are set with white space: words of several lines that stand in columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from vital_shared.retrieval.ingest.header_rows import EMPTY_CELL, Cell, header_rows
from vital_shared.retrieval.ingest.lines import ends_within_name
from vital_shared.retrieval.ingest.pdf.rules import Rule
from vital_shared.retrieval.ingest.pdf.table import Table
from vital_shared.retrieval.ingest.pdf.words import Word, joined

__all__ = ["aligned_table", "cell_of", "free_gaps", "line_size", "segments"]

Line = Sequence[Word]

CELL_GAP: Final = 1.0
"""The width of a space that may part two cells of a line, in sizes of its letters."""

COLUMN_GAP: Final = 0.6
"""The narrowest space between columns that all lines leave free, in sizes of their letters."""

MAX_MERGED: Final = 3
"""Rows at the top whose cells may cover several columns."""

MAX_MERGED_WORDS: Final = 10
"""Words of such a cell."""

MAX_SIGNS: Final = 0.6
"""The share of cells with neither a number nor a word; a formula has more."""

_LIST_MARK: Final = re.compile(r"[-*•‣◦▪·∙●○■\u2013—]|\(?[\dA-Za-z]{1,3}[.)]|\[\d+\]|\d+(?:\.\d+)+")
_WORD: Final = re.compile(r"\d|\w\S*\w")
_LEADERS: Final = "…"
_EQUATION: Final = re.compile(r"\([\d.]+[a-z]?\)")


def line_size(line: Line) -> float:
    """Return the size of a line's largest letters, in points."""
    return max(word.size for word in line)


def segments(line: Line, gap: float = CELL_GAP) -> list[list[Word]]:
    """Split a line where its words are further apart than in text; what is entered stays with its label."""
    parts: list[list[Word]] = []
    for word in line:
        near = parts and (
            word.x0 - parts[-1][-1].x1 <= gap * max(word.size, parts[-1][-1].size) or word.filled_in
        )
        if near:
            parts[-1].append(word)
        else:
            parts.append([word])
    return parts


def free_gaps(lines: Sequence[Line]) -> list[tuple[float, float]]:
    """Return the spaces between columns that all lines leave free."""
    spans = sorted((part[0].x0, part[-1].x1) for line in lines for part in segments(line, COLUMN_GAP))
    if not spans:
        return []
    narrowest = COLUMN_GAP * min(map(line_size, lines))
    gaps, end = [], spans[0][1]
    for x0, x1 in spans[1:]:
        if x0 - end >= narrowest:
            gaps.append((end, x0))
        end = max(end, x1)
    return gaps


def aligned_table(
    lines: Sequence[Line], rules: Sequence[Rule] = (), walls: Sequence[float] = ()
) -> Table | None:
    """Return the table that lines are; None where they are a list, formulas or other text.

    :param rules: level lines that are drawn there.
    :param walls: positions of upright lines that part columns.
    """
    merged, cuts = _cuts(lines, walls)
    if not cuts:
        return None
    rows = [_cells(line, cuts) for line in lines]
    for number in range(merged):
        rows[number] = _merged_cells(lines[number], cuts, rules)
    if not all(map(_may_be_heading, rows[:merged])):
        return None
    if not walls and not _is_table(rows[merged:], lines):
        return None
    ruled = _rows_above_rule(lines, rules)
    for number in range(ruled or 0) if walls else ():
        rows[number] = _walled_cells(lines[number], cuts, walls, rules)
    rows = _unwrapped(lines, rows, cuts, start=max(merged, ruled or 0) + 1)
    ys = [line[0].y for line in lines]
    x0, x1 = min(line[0].x0 for line in lines), max(line[-1].x1 for line in lines)
    return Table(
        tuple(map(tuple, rows)),
        *header_rows(rows, ruled=ruled, merged=merged),
        x0=x0,
        x1=x1,
        y0=ys[0] - line_size(lines[0]),
        y1=ys[-1],
        edges=(x0, *cuts),
    )


def _cuts(lines: Sequence[Line], walls: Sequence[float]) -> tuple[int, list[float]]:
    """Return how many lines at the top have cells over several columns, and where the columns are parted."""
    best: tuple[int, list[float]] = (0, [])
    for merged in range(min(MAX_MERGED, len(lines) - 1) + 1):
        body = lines[merged:]
        gaps = free_gaps(body)
        cuts = [(start + end) / 2 for start, end in gaps]
        inner = [wall for wall in walls if not any(start - 3 <= wall <= end + 3 for start, end in gaps)]
        cuts = sorted([*cuts, *inner])
        if len(cuts) > len(best[1]) and (merged == 0 or len(body) >= 2):
            best = merged, cuts
    return best


def _cells(line: Line, cuts: Sequence[float]) -> list[Cell]:
    return [cell_of(column) for column in _by_column(line, cuts)]


def cell_of(words: Sequence[Word]) -> Cell:
    """Return the cell that has words of one line."""
    return Cell(joined(words), all(word.bold for word in words)) if words else EMPTY_CELL


def _merged_cells(line: Line, cuts: Sequence[float], rules: Sequence[Rule]) -> list[Cell]:
    """Return the cells of a header; one over several columns stands in each of them."""
    cells = [EMPTY_CELL] * (len(cuts) + 1)
    edges = [float("-inf"), *cuts, float("inf")]
    parts = segments(line, COLUMN_GAP)
    for part in parts:
        x0, x1 = _underlined(part, parts, rules) or (part[0].x0, part[-1].x1)
        covered = [
            column
            for column in range(len(cells))
            if min(x1, edges[column + 1]) - max(x0, edges[column]) > 0.5 * part[0].size
        ]
        for column in covered:
            before = cells[column].text
            cell = cell_of(part)
            cells[column] = cell._replace(text=f"{before} {cell.text}".strip())
    return cells


def _walled_cells(
    line: Line, cuts: Sequence[float], walls: Sequence[float], rules: Sequence[Rule]
) -> list[Cell]:
    """Return the cells of a header between upright lines; one that is alone there is over all columns."""
    cells = _merged_cells(line, cuts, rules)
    edges = [float("-inf"), *cuts, float("inf")]
    for left, right in pairwise([float("-inf"), *walls, float("inf")]):
        words = [word for word in line if left < (word.x0 + word.x1) / 2 <= right]
        within = [n for n in range(len(cells)) if edges[n] >= left - 6 and edges[n + 1] <= right + 6]
        if words and len(segments(words, COLUMN_GAP)) == 1:
            for number in within:
                cells[number] = cell_of(words)
    return cells


def _may_be_heading(row: Sequence[Cell]) -> bool:
    texts = [cell.text for cell in row if cell.text]
    numbers = sum(text[0].isdigit() for text in texts)
    longest = max((len(text.split()) for text in texts), default=0)
    return numbers <= len(texts) / 2 and longest <= MAX_MERGED_WORDS


def _underlined(
    part: Sequence[Word], parts: Sequence[Sequence[Word]], rules: Sequence[Rule]
) -> tuple[float, float] | None:
    """Return how far the line below a merged heading goes, where there is one for it alone."""
    y, size = part[0].y, part[0].size
    for rule in rules:
        if rule.is_level and 0 <= rule.y0 - y <= size:
            above = [each for each in parts if rule.x0 <= (each[0].x0 + each[-1].x1) / 2 <= rule.x1]
            if above == [part]:
                return rule.x0, rule.x1
    return None


def _rows_above_rule(lines: Sequence[Line], rules: Sequence[Rule]) -> int | None:
    """Return the lines above the first rule across the table, unless every row has one."""
    x0, x1 = min(line[0].x0 for line in lines), max(line[-1].x1 for line in lines)
    across = [rule.y0 for rule in rules if rule.is_level and rule.x1 - rule.x0 >= 0.7 * (x1 - x0)]
    below = [sum(line[0].y < y + 1 for line in lines) for y in sorted(across)]
    inside = sorted({count for count in below if 0 < count < len(lines)})
    if not inside or (len(inside) > 2 and len(inside) >= len(lines) / 2):
        return None
    words = [count for count in inside if not any(map(_is_numeric, lines[:count]))]
    return words[-1] if words and all(map(_is_numeric, lines[words[-1] :][:2])) else inside[0]


def _is_numeric(line: Line) -> bool:
    return sum(word.text[0].isdigit() for word in line) > len(line) / 2


def _is_table(rows: Sequence[Sequence[Cell]], lines: Sequence[Line]) -> bool:
    filled = [row for row in rows if sum(bool(cell.text) for cell in row) > 1]
    columns = len(rows[0])
    if len(filled) < (3 if columns == 2 else 2):
        return False
    if any(_LEADERS in joined(line) for line in lines):
        return False  # a table of contents
    marks = sum(bool(_LIST_MARK.fullmatch(row[0].text)) for row in filled)
    if columns == 2 and marks > len(filled) / 2:
        return False  # a list
    cells = [cell.text for row in filled for cell in row if cell.text]
    if sum(not _WORD.search(text) for text in cells) > MAX_SIGNS * len(cells):
        return False  # a formula
    return sum(bool(_EQUATION.fullmatch(row[-1].text)) for row in filled) <= len(filled) / 2


def _unwrapped(
    lines: Sequence[Line], rows: list[list[Cell]], cuts: Sequence[float], start: int
) -> list[list[Cell]]:
    """Join lines that go on with cells of the row above."""
    widths = [_width(lines, column, cuts) for column in range(len(cuts) + 1)]
    whole: list[list[Cell]] = list(rows[:start])
    for number in range(start, len(rows)):
        if _goes_on(lines[number - 1], lines[number], cuts, widths):
            whole[-1] = [
                Cell(_continued(above.text, cell.text), above.bold)
                for above, cell in zip(whole[-1], rows[number], strict=True)
            ]
        else:
            whole.append(rows[number])
    return whole


def _goes_on(above: Line, line: Line, cuts: Sequence[float], widths: Sequence[float]) -> bool:
    """Return whether a line has nothing but the ends of cells that had no room in the line above."""
    upper, lower = _by_column(above, cuts), _by_column(line, cuts)
    if lower[0] or not all(over for over, under in zip(upper, lower, strict=True) if under):
        return False
    for over, under, width in zip(upper, lower, widths, strict=True):
        if not under:
            continue
        needed = over[-1].x1 - over[0].x0 + 0.25 * over[-1].size + under[0].x1 - under[0].x0
        if needed <= width or under[0].text[0].isdigit():
            return False
    return True


def _by_column(line: Line, cuts: Sequence[float]) -> list[list[Word]]:
    columns: list[list[Word]] = [[] for _ in range(len(cuts) + 1)]
    for word in line:
        columns[sum(cut < (word.x0 + word.x1) / 2 for cut in cuts)].append(word)
    return columns


def _width(lines: Sequence[Line], column: int, cuts: Sequence[float]) -> float:
    parts = [_by_column(line, cuts)[column] for line in lines]
    return max((part[-1].x1 - part[0].x0 for part in parts if part), default=0.0)


def _continued(above: str, text: str) -> str:
    return above + text if ends_within_name(above, text) else f"{above} {text}".strip()
