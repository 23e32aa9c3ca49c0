"""The rows of a table of OpenDocument."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from vital_shared.retrieval.ingest.header_rows import Cell, guessed_header, is_value
from vital_shared.retrieval.ingest.odf_text import PARAGRAPH, OdfText, odf_name
from vital_shared.retrieval.ingest.tables import table_lines

__all__ = ["TABLE", "odf_table"]

TABLE, _ROW, _CELL = (odf_name("table", name) for name in ("table", "table-row", "table-cell"))
_COVERED: Final = odf_name("table", "covered-table-cell")
_HEADER_ROWS: Final = odf_name("table", "table-header-rows")
_REPEATED: Final = odf_name("table", "number-columns-repeated")
_COLUMNS, _ROWS = (odf_name("table", f"number-{kind}-spanned") for kind in ("columns", "rows"))
MAX_REPEATED: Final = 100


def odf_table(table: etree._Element, text: OdfText) -> list[str]:
    """Return a line for each row of a table, with its headings where it has a header."""
    titles: list[str] = []
    rows: list[list[Cell]] = []
    down: dict[int, tuple[int, Cell]] = {}
    marked = merged = 0
    for row in _own_rows(table):
        cells: list[Cell] = []
        wide, start = False, 0
        for element in row:
            if element.tag not in {_CELL, _COVERED}:
                continue
            columns, spanned_rows = _number(element, _COLUMNS), _number(element, _ROWS)
            wide = wide or columns > 1
            for _ in range(_number(element, _REPEATED)):
                left, above = down.get(len(cells), (0, Cell()))
                if element.tag == _CELL:
                    cell = Cell(" ".join(_lines(element, text)), _is_bold(element, text))
                    down[len(cells)] = (spanned_rows - 1, cell)
                    start = len(cells)
                elif left > 0:
                    cell = above
                    down[len(cells)] = (left - 1, above)
                else:
                    is_heading = not rows or (wide and merged == len(rows))
                    is_in_each = is_heading or (start > 0 and is_value(cells[-1].text))
                    cell = cells[-1] if cells and is_in_each else Cell()
                cells.append(cell)
        if wide and not rows and len({cell.text for cell in cells}) == 1:
            titles.append(cells[0].text)
            continue
        marked += row.getparent() is not None and row.getparent().tag == _HEADER_ROWS
        merged += wide and merged == len(rows)
        rows.append(cells)
    titles = [title for title in titles if title]
    rows = [row for row in rows if any(cell.text for cell in row)]
    if not rows:
        return titles
    header = marked if 0 < marked < len(rows) else guessed_header(_even(rows), merged)
    return [*titles, *table_lines(rows, header)]


def _own_rows(table: etree._Element) -> Iterator[etree._Element]:
    for row in table.iter(_ROW):
        if next(row.iterancestors(TABLE), None) is table:
            yield row


def _lines(cell: etree._Element, text: OdfText) -> Iterator[str]:
    """Yield the paragraphs of a cell, and the rows of a table within it, in their order."""
    for child in cell:
        if child.tag == TABLE:
            yield "".join(f"({line})" for line in odf_table(child, text))
        elif child.tag == PARAGRAPH or child.tag == odf_name("text", "h"):
            yield " ".join(text.of(child).split())
        elif isinstance(child.tag, str):
            yield from _lines(child, text)


def _is_bold(cell: etree._Element, text: OdfText) -> bool:
    paragraphs = list(cell.iter(PARAGRAPH))
    return bool(paragraphs) and all(text.is_bold(paragraph) for paragraph in paragraphs)


def _even(rows: list[list[Cell]]) -> list[list[Cell]]:
    width = max(map(len, rows))
    return [[*row, *[Cell()] * (width - len(row))] for row in rows]


def _number(element: etree._Element, name: str) -> int:
    value = str(element.get(name, "1"))
    return min(int(value), MAX_REPEATED) if value.isdigit() else 1
