"""Cells that lines drawn on the page enclose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from vital_shared.retrieval.ingest.pdf.rules import Rule

__all__ = ["Area", "Grid", "find_grids", "meet", "merged_rules"]

SNAP: Final = 2.5
"""Distance in points within which lines are one."""

REACH: Final = 3.5
"""Distance in points that is left between lines which meet."""

MAX_LINES: Final = 400
"""Lines of each direction, joined; a page with more has drawings."""

MIN_CELL: Final = 4.0


class Area(NamedTuple):
    """A cell, by the columns and rows of its grid that it covers; the ends are not part of it."""

    left: int
    top: int
    right: int
    bottom: int


class Grid(NamedTuple):
    """Columns and rows, and the cells between their lines."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    areas: tuple[Area, ...]

    def holds(self, x: float, y: float) -> bool:
        """Return whether a point is within."""
        return self.xs[0] <= x <= self.xs[-1] and self.ys[0] <= y <= self.ys[-1]


def find_grids(rules: Iterable[Rule]) -> list[Grid]:
    """Return the grids of a page that have two cells or more."""
    level, upright = merged_rules(rules)
    if not level or not upright or max(len(level), len(upright)) > MAX_LINES:
        return []
    grids = [_grid(*component) for component in _components(level, upright)]
    return [grid for grid in grids if grid is not None and len(grid.areas) > 1]


def merged_rules(rules: Iterable[Rule]) -> tuple[list[Rule], list[Rule]]:
    """Return the level and the upright lines, with parts of one line joined."""
    level, upright = [], []
    for rule in rules:
        if rule.is_level:
            level.append(rule)
        else:
            upright.append(Rule(rule.y0, rule.x0, rule.y1, rule.x1))
    return _merged(level), [Rule(rule.y0, rule.x0, rule.y1, rule.x1) for rule in _merged(upright)]


def _merged(level: list[Rule]) -> list[Rule]:
    rows: list[list[Rule]] = []
    for rule in sorted(level, key=lambda rule: rule.y0):
        if rows and rule.y0 - rows[-1][0].y0 <= SNAP:
            rows[-1].append(rule)
        else:
            rows.append([rule])
    return [rule for row in rows for rule in _joined(row)]


def _joined(row: list[Rule]) -> Iterator[Rule]:
    y = row[0].y0
    start, end = None, 0.0
    for rule in sorted(row):
        if start is not None and rule.x0 <= end + REACH:
            end = max(end, rule.x1)
            continue
        if start is not None:
            yield Rule(start, y, end, y)
        start, end = rule.x0, rule.x1
    if start is not None:
        yield Rule(start, y, end, y)


def _components(level: list[Rule], upright: list[Rule]) -> Iterator[tuple[list[Rule], list[Rule]]]:
    """Yield the lines that hang together."""
    roots = list(range(len(level) + len(upright)))
    for number, line in enumerate(level):
        for other, post in enumerate(upright, len(level)):
            if meet(line, post):
                roots[_root(roots, number)] = _root(roots, other)
    members: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for number, rule in enumerate([*level, *upright]):
        members.setdefault(_root(roots, number), ([], []))[number >= len(level)].append(rule)
    return (each for each in members.values() if each[0] and each[1])


def _root(roots: list[int], number: int) -> int:
    while roots[number] != number:
        roots[number] = roots[roots[number]]
        number = roots[number]
    return number


def meet(level: Rule, upright: Rule) -> bool:
    """Return whether a level and an upright line touch."""
    return (
        level.x0 - REACH <= upright.x0 <= level.x1 + REACH
        and upright.y0 - REACH <= level.y0 <= upright.y1 + REACH
    )


def _grid(level: list[Rule], upright: list[Rule]) -> Grid | None:
    xs = _positions([*(rule.x0 for rule in upright), *(end for rule in level for end in (rule.x0, rule.x1))])
    ys = _positions([*(rule.y0 for rule in level), *(end for rule in upright for end in (rule.y0, rule.y1))])
    columns, rows = len(xs) - 1, len(ys) - 1
    if columns < 1 or rows < 1:
        return None
    roots = list(range(columns * rows))
    for row in range(rows):
        middle = (ys[row] + ys[row + 1]) / 2
        for column in range(1, columns):
            if not any(_covers(rule.x0, xs[column], rule.y0, middle, rule.y1) for rule in upright):
                roots[_root(roots, row * columns + column)] = _root(roots, row * columns + column - 1)
    for column in range(columns):
        middle = (xs[column] + xs[column + 1]) / 2
        for row in range(1, rows):
            if not any(_covers(rule.y0, ys[row], rule.x0, middle, rule.x1) for rule in level):
                roots[_root(roots, row * columns + column)] = _root(roots, (row - 1) * columns + column)
    return Grid(xs, ys, _areas(roots, columns))


def _areas(roots: list[int], columns: int) -> tuple[Area, ...]:
    places = sorted((_root(roots, number), number) for number in range(len(roots)))
    areas = []
    for _, members in groupby(places, key=itemgetter(0)):
        cells = [divmod(number, columns) for _, number in members]
        rows, across = [row for row, _ in cells], [column for _, column in cells]
        areas.append(Area(min(across), min(rows), max(across) + 1, max(rows) + 1))
    return tuple(sorted(areas, key=lambda area: (area.top, area.left)))


def _covers(at: float, wanted: float, start: float, middle: float, end: float) -> bool:
    return abs(at - wanted) <= SNAP and start - REACH <= middle <= end + REACH


def _positions(values: Sequence[float]) -> tuple[float, ...]:
    """Return where lines are, those that are close together once."""
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > MIN_CELL:
            found.append(value)
    return tuple(found)
