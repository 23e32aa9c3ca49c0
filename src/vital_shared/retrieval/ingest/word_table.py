"""The rows of a table in Word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from docx.oxml.ns import qn
from lxml import etree

from vital_shared.retrieval.ingest.header_rows import Cell, guessed_header, is_value
from vital_shared.retrieval.ingest.tables import table_lines
from vital_shared.retrieval.ingest.word_text import FALLBACK, word_text

__all__ = ["word_table"]

MAX_SPAN: Final = 100
_FIRST_ROW_BIT: Final = 0x20
_PLAIN_STYLES: Final = {"tablegrid", "tablenormal", "normaltable", "tabelleraster", "tabellenraster", ""}
"""Styles of tables that set no row apart, by their ids in lower case."""


def word_table(table: etree._Element) -> list[str]:
    """Return a line for each row of a table, with its headings where it has a header."""
    lines = [row for row in _own(table, "w:tr", "w:tbl") if not _is_gone(row)]
    first = next((number for number, row in enumerate(lines) if not _is_title(row)), len(lines))
    titles, lines = [_text(row) for row in lines[:first]], lines[first:]
    rows = _rows(lines)
    header = _header(table, lines, rows, is_titled=first > 0)
    return [*filter(None, titles), *(table_lines(rows, header) if rows else [])]


def _is_title(row: etree._Element) -> bool:
    """Return whether one cell over several columns is all of a row: it names the table below it."""
    cells = list(_own(row, "w:tc", "w:tr"))
    return len(cells) == 1 and _span(cells[0]) > 1


def _text(row: etree._Element) -> str:
    return " ".join(line for cell in _own(row, "w:tc", "w:tr") for line in _lines(cell))


def _is_gone(row: etree._Element) -> bool:
    """Return whether a row was deleted by a tracked change, or is hidden."""
    properties = row.find(qn("w:trPr"))
    return properties is not None and any(
        properties.find(qn(name)) is not None for name in ("w:del", "w:hidden")
    )


def _header(
    table: etree._Element, lines: list[etree._Element], rows: list[list[Cell]], *, is_titled: bool
) -> int:
    """Return how many rows are the header: those marked to be repeated, or else by style and words."""
    marked = 0
    for row in lines:
        if row.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is None:
            break
        marked += 1
    if 0 < marked < len(rows):
        return marked
    number = guessed_header(rows, _merged(lines))
    is_styled = not is_titled and _first_row_is_styled(table)
    return max(number, 1) if len(rows) > 1 and is_styled else number


def _first_row_is_styled(table: etree._Element) -> bool:
    style = table.find(f"{qn('w:tblPr')}/{qn('w:tblStyle')}")
    look = table.find(f"{qn('w:tblPr')}/{qn('w:tblLook')}")
    if style is None or look is None or style.get(qn("w:val"), "").lower() in _PLAIN_STYLES:
        return False
    first = look.get(qn("w:firstRow"))
    if first is not None:
        return first in {"1", "true", "on"}
    try:
        return bool(int(look.get(qn("w:val"), "0"), 16) & _FIRST_ROW_BIT)
    except ValueError:
        return False


def _span(cell: etree._Element) -> int:
    return _number(cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}"), 1)


def _merged(lines: list[etree._Element]) -> int:
    """Return how many rows at the top have cells over several columns, and others beside them."""
    merged = 0
    for row in lines:
        spans = [_span(cell) for cell in _own(row, "w:tc", "w:tr")]
        if len(spans) < 2 or max(spans) < 2:
            break
        merged += 1
    return merged


def _own(parent: etree._Element, name: str, within: str) -> Iterator[etree._Element]:
    """Yield the elements below one, without those of tables within it."""
    for each in parent.iter(qn(name)):
        if next(each.iterancestors(qn(within)), None) is parent:
            yield each


def _rows(lines: list[etree._Element]) -> list[list[Cell]]:
    """Return the cells by row and column; a heading or a value that covers several stands in each."""
    rows: list[list[Cell]] = []
    headings = max(_merged(lines), 1)
    for row in lines:
        cells = [Cell()] * _number(row.find(f"{qn('w:trPr')}/{qn('w:gridBefore')}"), 0)
        for element in _own(row, "w:tc", "w:tr"):
            properties = element.find(qn("w:tcPr"))
            merged = properties.find(qn("w:vMerge")) if properties is not None else None
            cell = Cell(" ".join(_lines(element)), _is_bold(element))
            if merged is not None and merged.get(qn("w:val")) != "restart" and rows:
                cell = rows[-1][len(cells)] if len(cells) < len(rows[-1]) else Cell()
            is_in_each = len(rows) < headings or (bool(cells) and is_value(cell.text))
            cells += [cell, *[cell if is_in_each else Cell()] * (_span(element) - 1)]
        rows.append(cells)
    return rows


def _lines(cell: etree._Element) -> Iterator[str]:
    """Yield the paragraphs of a cell, and the rows of a table within it, in their order."""
    for child in cell:
        if child.tag == qn("w:p"):
            yield " ".join(word_text(child).split())
            for box in child.iter(qn("w:txbxContent")):
                if not any(parent.tag == FALLBACK for parent in box.iterancestors()):
                    yield from _lines(box)
        elif child.tag == qn("w:tbl"):
            yield "".join(f"({line})" for line in word_table(child))
        elif child.tag != qn("w:tcPr"):
            yield from _lines(child)


def _is_bold(cell: etree._Element) -> bool:
    runs = [run for run in cell.iter(qn("w:r")) if run.find(qn("w:t")) is not None]
    return bool(runs) and all(run.find(f"{qn('w:rPr')}/{qn('w:b')}") is not None for run in runs)


def _number(element: etree._Element | None, default: int) -> int:
    value = element.get(qn("w:val")) if element is not None else None
    return min(int(value), MAX_SPAN) if value and value.isdigit() else default
