"""The rows of the sheets of an OpenDocument workbook, one after the other: large sheets fill no memory."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Final, NamedTuple

from lxml import etree

from vital_shared.retrieval.ingest.odf_text import odf_name

__all__ = [
    "CELLS",
    "COLUMNS_REPEATED",
    "ROW",
    "ROWS_REPEATED",
    "SHEET",
    "SHEET_NAME",
    "OdfRow",
    "odf_rows",
    "repeated_columns",
    "whole_number",
]

SHEET: Final = odf_name("table", "table")
SHEET_NAME: Final = odf_name("table", "name")
ROW: Final = odf_name("table", "table-row")
ROWS_REPEATED: Final = odf_name("table", "number-rows-repeated")
CELLS: Final = frozenset(odf_name("table", name) for name in ("table-cell", "covered-table-cell"))
COLUMNS_REPEATED: Final = odf_name("table", "number-columns-repeated")


class OdfRow(NamedTuple):
    """A row of a sheet, or several equal ones."""

    sheet: str
    """The sheet's name."""
    number: int
    """The number of the first of them, from 0."""
    repeated: int
    """The number of equal rows."""
    cells: tuple[etree._Element, ...]
    """The cells, covered ones among them; they are gone when the next row is read."""


def odf_rows(part: bytes) -> Iterator[OdfRow]:
    """Yield the rows of all sheets.

    :param part: ``content.xml``.
    :raises etree.XMLSyntaxError: when it is no XML.
    """
    read = etree.iterparse(
        BytesIO(part),
        events=("start", "end"),
        tag=(SHEET, ROW),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
    )
    sheet, number = "", 0
    for event, element in read:
        if element.tag == SHEET:
            sheet, number = (element.get(SHEET_NAME, ""), 0) if event == "start" else (sheet, number)
        elif event == "end":
            repeated = whole_number(element, ROWS_REPEATED)
            cells = tuple(cell for cell in element if cell.tag in CELLS)
            yield OdfRow(sheet, number, repeated, cells)
            number += repeated
            element.clear()


def repeated_columns(cell: etree._Element) -> int:
    """Return the number of columns that a cell stands for."""
    return whole_number(cell, COLUMNS_REPEATED)


def whole_number(element: etree._Element, name: str) -> int:
    """Return the number in an attribute; 1 where there is none."""
    text = element.get(name, "1")
    return max(1, int(text)) if text.isdigit() else 1
