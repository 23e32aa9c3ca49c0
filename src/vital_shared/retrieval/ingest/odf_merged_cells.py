"""The merged cells of an OpenDocument workbook, which the reader of its values does not name."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Final
from zipfile import ZipFile

from lxml import etree  # type: ignore[import-untyped]

from vital_shared.logs import get_logger
from vital_shared.retrieval.ingest.odf_text import odf_name

__all__ = ["MergedRange", "read_odf_merged_cells"]

logger = get_logger(__name__)

MergedRange = tuple[tuple[int, int], tuple[int, int]]
"""The row and column of the first and of the last cell, from 0."""

_TABLE, _ROW, _CELL, _COVERED = (
    odf_name("table", name) for name in ("table", "table-row", "table-cell", "covered-table-cell")
)
_NAME: Final = odf_name("table", "name")
_COLUMNS_REPEATED: Final = odf_name("table", "number-columns-repeated")
_ROWS_REPEATED: Final = odf_name("table", "number-rows-repeated")
_COLUMNS, _ROWS = (odf_name("table", f"number-{kind}-spanned") for kind in ("columns", "rows"))


def read_odf_merged_cells(package: ZipFile) -> dict[str, list[MergedRange]]:
    """Return the merged cells by the sheet's name; empty where they cannot be read: the values still are."""
    merged: dict[str, list[MergedRange]] = {}
    try:
        for sheet, found in _merged(package.read("content.xml")):
            merged.setdefault(sheet, []).append(found)
    except (KeyError, etree.XMLSyntaxError):
        logger.warning("merged_cells_unreadable", exc_info=True)
        return {}
    return merged


def _merged(part: bytes) -> Iterator[tuple[str, MergedRange]]:
    read = etree.iterparse(
        BytesIO(part),
        events=("start", "end"),
        tag=(_TABLE, _ROW),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
    )
    sheet, row = "", 0
    for event, element in read:
        if element.tag == _TABLE:
            sheet, row = (element.get(_NAME, ""), 0) if event == "start" else (sheet, row)
        elif event == "end":
            column = 0
            for cell in element:
                if cell.tag in (_CELL, _COVERED):
                    below, beside = _count(cell, _ROWS) - 1, _count(cell, _COLUMNS) - 1
                    if below or beside:
                        yield sheet, ((row, column), (row + below, column + beside))
                    column += _count(cell, _COLUMNS_REPEATED)
            row += _count(element, _ROWS_REPEATED)
            element.clear()  # large sheets need not fit into memory


def _count(element: etree._Element, name: str) -> int:
    text = element.get(name, "1")
    return max(1, int(text)) if text.isdigit() else 1
