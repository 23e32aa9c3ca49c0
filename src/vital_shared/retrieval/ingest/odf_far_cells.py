"""Cells of an OpenDocument workbook that stand far from all others.

Rows and cells that are equal are written once, with their number, so that a file names no place: see
OpenDocument 1.3, part 3, 19.677 (table:number-rows-repeated) and 19.675 (table:number-columns-repeated).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final, NamedTuple
from zipfile import ZipFile

from lxml import etree

from vital_shared.retrieval.ingest.far_cells import (
    MAX_CELLS,
    NearCells,
    NearRange,
    near_range,
    too_large,
    with_parts,
)
from vital_shared.retrieval.ingest.odf_rows import (
    CELLS,
    COLUMNS_REPEATED,
    ROW,
    ROWS_REPEATED,
    SHEET,
    SHEET_NAME,
    odf_rows,
    repeated_columns,
    whole_number,
)
from vital_shared.retrieval.ingest.odf_text import odf_name
from vital_shared.retrieval.ingest.packages import parse_xml
from vital_shared.retrieval.ingest.sheet_cells import Place

__all__ = ["leave_out_far_odf_cells"]

_CONTENT: Final = "content.xml"
_VALUE_TYPE: Final = odf_name("office", "value-type")


class _Size(NamedTuple):
    rows: int = 0
    columns: int = 0
    filled: int = 0

    @property
    def cells(self) -> int:
        """Cells up to the last row and column, empty ones included."""
        return self.rows * self.columns


def leave_out_far_odf_cells(data: bytes, package: ZipFile, *, uri: str) -> NearCells:
    """Return a workbook whose sheets have no more than `MAX_CELLS` cells each.

    :raises IngestError: when a sheet has more, and none of them stands far from the others.
    """
    try:
        content = package.read(_CONTENT)
        large = {name: size for name, size in _sizes(content).items() if size.cells > MAX_CELLS}
        for sheet, size in large.items():
            if size.filled > MAX_CELLS:
                raise too_large(sheet, size.cells, uri=uri)
        near = {sheet: near_range(list(_filled(content, sheet)), sheet, uri=uri) for sheet in large}
        kept = {sheet: part for sheet, part in near.items() if part is not None}
        changed = {_CONTENT: _cut(content, kept)} if kept else {}
    except (KeyError, etree.XMLSyntaxError):
        return NearCells(data, ())  # what reads the values says what is wrong with it
    notes = tuple(part.note for part in kept.values())
    return NearCells(with_parts(package, changed) if changed else data, notes)


def _sizes(content: bytes) -> dict[str, _Size]:
    sizes: dict[str, _Size] = {}
    for row in odf_rows(content):
        width = last = filled = 0
        for cell in row.cells:
            width += repeated_columns(cell)
            if _is_filled(cell):
                last = width
                filled += repeated_columns(cell)
        if last:
            before = sizes.get(row.sheet, _Size())
            sizes[row.sheet] = _Size(
                row.number + row.repeated,
                max(before.columns, last),
                before.filled + filled * row.repeated,
            )
    return sizes


def _filled(content: bytes, sheet: str) -> Iterator[Place]:
    for row in odf_rows(content):
        rows, column = range(row.number, row.number + row.repeated), 0
        for cell in row.cells if row.sheet == sheet else ():
            columns = range(column, column + repeated_columns(cell))
            column = columns.stop
            if _is_filled(cell):
                yield from product(rows, columns)


def _is_filled(cell: etree._Element) -> bool:
    return len(cell) > 0 or cell.get(_VALUE_TYPE) is not None


def _cut(content: bytes, near: Mapping[str, NearRange]) -> bytes:
    root = parse_xml(content)
    for table in root.iter(SHEET):
        part = near.get(table.get(SHEET_NAME, ""))
        if part is None:
            continue
        rows = list(table.iter(ROW))
        _keep(rows, part.last_row + 1, ROWS_REPEATED)
        for row in rows:
            _keep([cell for cell in row if cell.tag in CELLS], part.last_column + 1, COLUMNS_REPEATED)
    written: bytes = etree.tostring(root)
    return written


def _keep(elements: list[etree._Element], count: int, repeated: str) -> None:
    """Keep the first rows or cells, of which one may stand for several, and remove all behind them."""
    for element in elements:
        number = min(whole_number(element, repeated), count)
        count -= number
        if number:
            element.set(repeated, str(number))
        elif (parent := element.getparent()) is not None:
            parent.remove(element)
