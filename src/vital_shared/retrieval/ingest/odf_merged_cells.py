"""The merged cells of an OpenDocument workbook, which the reader of its values does not name."""

from __future__ import annotations

from collections.abc import Iterator
from zipfile import ZipFile

from lxml import etree

from vital_shared.logs import get_logger
from vital_shared.retrieval.ingest.odf_rows import odf_rows, repeated_columns, whole_number
from vital_shared.retrieval.ingest.odf_text import odf_name

__all__ = ["MergedRange", "read_odf_merged_cells"]

logger = get_logger(__name__)

MergedRange = tuple[tuple[int, int], tuple[int, int]]
"""The row and column of the first and of the last cell, from 0."""

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
    for row in odf_rows(part):
        column = 0
        for cell in row.cells:
            below, beside = whole_number(cell, _ROWS) - 1, whole_number(cell, _COLUMNS) - 1
            if below or beside:
                yield row.sheet, ((row.number, column), (row.number + below, column + beside))
            column += repeated_columns(cell)
