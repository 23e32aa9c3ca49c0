"""Tables of HTML pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from bs4.element import NavigableString, PageElement, Tag, TemplateString

from vital_shared.retrieval.ingest.blocks import Outline
from vital_shared.retrieval.ingest.divided_header import divided_header
from vital_shared.retrieval.ingest.header_rows import Cell, header_rows, is_value
from vital_shared.retrieval.ingest.html_instead import text_instead
from vital_shared.retrieval.ingest.html_visible import Visibility
from vital_shared.retrieval.ingest.tables import EMPTY, row_text, stacked, table_lines, table_rows

__all__ = ["add_table", "layout_tables"]

MAX_SPAN = 100
"""Columns or rows that cells may cover; a larger number is a mistake or an attack."""

LIST_DEPTH = 6
"""Elements between a list or a table and the cell that it is in."""

MAX_INNER_CHARACTERS = 300
"""Characters of a table that is the content of a cell; the table around a longer one only places it."""

_STRUCTURE = ["table", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "pre", "form"]
_CELLS = ["td", "th"]
_GAPS = {"br": " ", "p": " ", "div": " ", "li": " , "}


class _Cell(NamedTuple):
    text: str
    heading: bool
    bold: bool = False
    wide: bool = False
    """Whether it covers several columns."""
    covered: bool = False
    """Whether it is the place of a cell before it that covers several columns."""


def layout_tables(root: Tag) -> set[int]:
    """Return the ids of the objects that are tables and only place other things on the page."""
    layout = {id(table) for table in root.find_all("table", role=["presentation", "none"])}
    seen: set[int] = set()
    for inner in root.find_all(_STRUCTURE):
        if (inner.name in {"ul", "ol"} or _is_small_table(inner)) and _is_in_a_row_of_data(inner):
            continue
        for outer in inner.parents:  # each is visited once, however deep the page is nested
            if id(outer) in seen:
                break
            seen.add(id(outer))
            if outer.name == "table":
                layout.add(id(outer))
    return layout


def _is_small_table(inner: Tag) -> bool:
    is_innermost = inner.name == "table" and inner.find(_STRUCTURE) is None
    return is_innermost and len(inner.get_text(strip=True)) <= MAX_INNER_CHARACTERS


def _is_in_a_row_of_data(inner: Tag) -> bool:
    """Return whether a list or table is the content of a cell that has headings above it or beside it."""
    cell = next((each for each in islice(inner.parents, LIST_DEPTH) if each.name in {"td", "th"}), None)
    row = cell.parent if cell is not None else None
    table = next((each for each in islice(row.parents, 2) if each.name == "table"), None) if row else None
    if row is None or table is None:
        return False
    rows = [row, *(each for each in (table.find("tr"),) if each is not None)]
    return any(each.find("th", recursive=False) is not None for each in rows)


def add_table(outline: Outline, table: Tag, visible: Visibility) -> None:
    """Add the caption, and each row as text that can be read alone."""
    if caption := table.find("caption"):
        outline.add("paragraph", _text(caption, visible))
    grid = _grid(table, visible)
    if not grid:
        outline.add("paragraph", _text(table, visible))
        return
    for line in _lines(grid):
        outline.add("row", line)


def _lines(grid: list[list[_Cell]]) -> list[str]:
    first = next((number for number, row in enumerate(grid) if not _is_title(row)), 0)
    titles, grid = [row[0].text for row in grid[:first]], grid[first:]
    return [*titles, *_rows(grid)]


def _rows(grid: list[list[_Cell]]) -> list[str]:
    if not any(cell.heading for row in grid for cell in row):
        rows = [[Cell(cell.text, cell.bold) for cell in row] for row in _even(grid)]
        headings = rows[: header_rows(rows)[0]] or divided_header(rows)
        if not headings:
            return [_unheaded(row) for row in grid]
        body = [[Cell(text) for text in _spread(row)] for row in grid[len(headings) :]]
        return table_lines([*headings, *body], len(headings))
    above = next((n for n, row in enumerate(grid) if not _is_headings(row)), len(grid))
    header = [_stacked(column) for column in zip(*_even(grid[:above]), strict=True)]
    if above == 1 and (whole := divided_header([[Cell(cell.text) for cell in row] for row in _even(grid)])):
        header, above = stacked(whole), len(whole)
    return [_row(header, row) for row in grid[above:]] or table_rows(header, ())


def _is_headings(row: list[_Cell]) -> bool:
    return all(cell.heading for cell in row) and not _is_title(row)


def _is_title(row: list[_Cell]) -> bool:
    """Return whether one cell over all columns is the whole row: it names the rows below it."""
    return len(row) > 1 and row[0].wide and all(cell.text in {"", row[0].text} for cell in row)


def _row(header: list[str], row: list[_Cell]) -> str:
    texts = [cell.text for cell in row]
    if _is_title(row):
        return texts[0]
    if header:
        return row_text(header, _spread(row))
    if row[0].heading and row[0].text:
        return f"{texts[0]}: {row_text((), texts[1:])}" if len(row) == 2 else _unheaded(row)
    return _unheaded(row)


def _spread(row: list[_Cell]) -> list[str]:
    """Return the texts of a row; a short one over several columns behind the first stands in each of them."""
    texts: list[str] = []
    for column, cell in enumerate(row):
        before = texts[-1] if column > 1 else ""
        texts.append(before if cell.covered and is_value(before) else cell.text)
    return texts


def _unheaded(row: list[_Cell]) -> str:
    texts = [cell.text for cell in row if not cell.covered]
    return "; ".join(text or EMPTY for text in texts) if sum(map(bool, texts)) > 1 else "".join(texts)


def _stacked(column: tuple[_Cell, ...]) -> str:
    """Join the headings over one column; one that covers several rows stands there once."""
    return " ".join(dict.fromkeys(cell.text for cell in column if cell.text))


def _even(rows: list[list[_Cell]]) -> list[list[_Cell]]:
    width = max(map(len, rows), default=0)
    return [row + [_Cell("", heading=True)] * (width - len(row)) for row in rows]


def _own(parent: Tag, names: str | list[str], visible: Visibility) -> Iterator[Tag]:
    """Yield the rows of a table or the cells of a row that are shown, without those of tables within it."""
    for each in parent.find_all(names):
        if each.find_parent(parent.name) is parent and visible.is_shown(each, in_article=True):
            yield each


def _grid(table: Tag, visible: Visibility) -> list[list[_Cell]]:
    """Return the cells by row and column, those that cover several rows in each of them."""
    grid: list[list[_Cell]] = []
    covered: dict[int, tuple[int, _Cell]] = {}
    for row in _own(table, "tr", visible):
        line: list[_Cell] = []
        for cell in _own(row, _CELLS, visible):
            _take_covered(line, covered)
            span = _span(cell, "colspan")
            value = _Cell(_text(cell, visible), _is_heading(cell), _is_bold(cell), wide=span > 1)
            for offset in range(min(span, max(MAX_SPAN - len(line), 1))):
                here = value if offset == 0 or value.heading else _Cell("", heading=False, covered=True)
                covered[len(line)] = (_span(cell, "rowspan") - 1, here)
                line.append(here)
        _take_covered(line, covered)
        if line:
            grid.append(line)
    return grid


def _is_heading(cell: Tag) -> bool:
    """Return whether a cell is a heading, or stands in the head of its table."""
    row = cell.find_parent(["tr", "table"])
    above = row.parent if row is not None and row.name == "tr" else None
    return cell.name == "th" or (above is not None and above.name == "thead")


def _is_bold(cell: Tag) -> bool:
    bold = cell.find(["b", "strong"])
    return bold is not None and bold.get_text(strip=True) == cell.get_text(strip=True) != ""


def _take_covered(line: list[_Cell], covered: dict[int, tuple[int, _Cell]]) -> None:
    while len(line) < MAX_SPAN and (above := covered.get(len(line))) and above[0] > 0:
        covered[len(line)] = (above[0] - 1, above[1])
        line.append(above[1])


def _span(cell: Tag, name: str) -> int:
    span = str(cell.get(name, "1"))
    return min(max(int(span), 1), MAX_SPAN) if re.fullmatch(r"\d{1,9}", span) else 1


def _text(root: Tag, visible: Visibility) -> str:
    """Return the words of a cell that are shown, with a space where a new line begins."""
    parts: list[str] = []
    stack: list[PageElement] = list(reversed(root.contents))
    while stack:
        node = stack.pop()
        if isinstance(node, Tag):
            if (instead := text_instead(node)) is not None:
                parts.append(instead)
            elif node.name == "table" and (grid := _grid(node, visible)):
                parts.append(f" {''.join(f'({line})' for line in _lines(grid))} ")
            elif visible.is_shown(node, in_article=True):
                parts.append(_GAPS.get(node.name, ""))
                stack.extend(reversed(node.contents))
        elif isinstance(node, NavigableString) and type(node) in {NavigableString, TemplateString}:
            parts.append(node)
    return " ".join("".join(parts).split()).replace(" , ", ", ").removeprefix(", ")
