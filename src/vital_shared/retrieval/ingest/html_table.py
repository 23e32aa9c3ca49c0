"""Tables of HTML pages."""

from __future__ import annotations

import re
from typing import NamedTuple

from bs4.element import NavigableString, PageElement, Tag, TemplateString

from vital_shared.retrieval.ingest.blocks import Outline
from vital_shared.retrieval.ingest.html_instead import text_instead
from vital_shared.retrieval.ingest.html_visible import Visibility
from vital_shared.retrieval.ingest.tables import row_text, table_rows

__all__ = ["add_table", "layout_tables"]

MAX_SPAN = 100
"""Columns or rows that cells may cover; a larger number is a mistake or an attack."""

_STRUCTURE = ["table", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "pre", "form"]
_CELLS = ["td", "th"]


class _Cell(NamedTuple):
    text: str
    heading: bool


def layout_tables(root: Tag) -> set[int]:
    """Return the ids of the objects that are tables and only place other things on the page."""
    layout = {id(table) for table in root.find_all("table", role=["presentation", "none"])}
    seen: set[int] = set()
    for inner in root.find_all(_STRUCTURE):
        for outer in inner.parents:  # each is visited once, however deep the page is nested
            if id(outer) in seen:
                break
            seen.add(id(outer))
            if outer.name == "table":
                layout.add(id(outer))
    return layout


def add_table(outline: Outline, table: Tag, visible: Visibility) -> None:
    """Add the caption, and each row as text that can be read alone."""
    if caption := table.find("caption"):
        outline.add("paragraph", _text(caption, visible))
    grid = _grid([row for row in table.find_all("tr") if visible.is_shown(row, in_article=True)], visible)
    if not grid:
        outline.add("paragraph", _text(table, visible))
        return
    above = next((n for n, row in enumerate(grid) if not all(cell.heading for cell in row)), len(grid))
    header = [_stacked(column) for column in zip(*_even(grid[:above]), strict=True)]
    body = [_row(header, row) for row in grid[above:]]
    for line in body or table_rows(header, ()):
        outline.add("row", line)


def _row(header: list[str], row: list[_Cell]) -> str:
    texts = [cell.text for cell in row]
    if not header and row[0].heading and row[0].text:
        return f"{texts[0]}: {row_text((), texts[1:])}"
    return row_text(header, texts)


def _stacked(column: tuple[_Cell, ...]) -> str:
    """Join the headings over one column; one that covers several rows stands there once."""
    return " ".join(dict.fromkeys(cell.text for cell in column if cell.text))


def _even(rows: list[list[_Cell]]) -> list[list[_Cell]]:
    width = max(map(len, rows), default=0)
    return [row + [_Cell("", True)] * (width - len(row)) for row in rows]


def _grid(rows: list[Tag], visible: Visibility) -> list[list[_Cell]]:
    """Return the cells by row and column, those that cover several rows in each of them."""
    grid: list[list[_Cell]] = []
    covered: dict[int, tuple[int, _Cell]] = {}
    for row in rows:
        line: list[_Cell] = []
        for cell in (cell for cell in row.find_all(_CELLS) if visible.is_shown(cell, in_article=True)):
            _take_covered(line, covered)
            value = _Cell(_text(cell, visible), cell.name == "th")
            for offset in range(min(_span(cell, "colspan"), max(MAX_SPAN - len(line), 1))):
                here = value if offset == 0 or value.heading else _Cell("", False)
                covered[len(line)] = (_span(cell, "rowspan") - 1, here)
                line.append(here)
        _take_covered(line, covered)
        if line:
            grid.append(line)
    return grid


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
            elif visible.is_shown(node, in_article=True):
                parts.append(" " if node.name in {"br", "p", "div", "li"} else "")
                stack.extend(reversed(node.contents))
        elif isinstance(node, NavigableString) and type(node) in {NavigableString, TemplateString}:
            parts.append(node)
    return " ".join("".join(parts).split())
