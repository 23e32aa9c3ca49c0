"""The rows and columns of an OpenDocument workbook's sheets that somebody has hidden.

Rows that a filter leaves out, and those of a group that is folded, are read, as those of other workbooks are.
See OpenDocument 1.3, part 3, 19.749 (table:visibility).
"""

from __future__ import annotations

from io import BytesIO
from typing import Final
from zipfile import ZipFile

from lxml import etree

from vital_shared.logs import get_logger
from vital_shared.retrieval.ingest.hidden_cells import MAX_COLUMNS, HiddenCells
from vital_shared.retrieval.ingest.odf_rows import whole_number
from vital_shared.retrieval.ingest.odf_text import odf_name

__all__ = ["read_odf_hidden_cells"]

logger = get_logger(__name__)

MAX_ROWS: Final = 1_048_576

_TABLE, _ROW, _COLUMN = (odf_name("table", name) for name in ("table", "table-row", "table-column"))
_GROUPS: Final = frozenset(odf_name("table", f"table-{kind}-group") for kind in ("row", "column"))
_REPEATED: Final = {
    _ROW: odf_name("table", "number-rows-repeated"),
    _COLUMN: odf_name("table", "number-columns-repeated"),
}
_MAX_NUMBERS: Final = {_ROW: MAX_ROWS, _COLUMN: MAX_COLUMNS}
_NAME, _DISPLAY, _VISIBILITY = (odf_name("table", name) for name in ("name", "display", "visibility"))


def read_odf_hidden_cells(package: ZipFile) -> dict[str, HiddenCells]:
    """Return what is hidden, by the sheet's name; empty where that cannot be read: the values still are."""
    try:
        part = package.read("content.xml")
        return _hidden(part) if b'visibility="collapse"' in part else {}
    except (KeyError, etree.XMLSyntaxError):
        logger.warning("hidden_cells_unreadable", exc_info=True)
        return {}


def _hidden(part: bytes) -> dict[str, HiddenCells]:
    found: dict[str, HiddenCells] = {}
    numbers: dict[str, int] = {}
    hidden: dict[str, set[int]] = {}
    tags = (_TABLE, _ROW, _COLUMN)
    read = etree.iterparse(
        BytesIO(part),
        events=("start", "end"),
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
    )
    for event, element in read:
        if element.tag == _TABLE and event == "start":
            numbers, hidden = {_ROW: 0, _COLUMN: 0}, {_ROW: set(), _COLUMN: set()}
        elif element.tag == _TABLE:
            found[element.get(_NAME, "")] = HiddenCells(frozenset(hidden[_ROW]), frozenset(hidden[_COLUMN]))
        elif event == "end":
            first, count = numbers[element.tag], whole_number(element, _REPEATED[element.tag])
            if element.get(_VISIBILITY) == "collapse" and not _is_folded(element):
                hidden[element.tag].update(range(first, min(first + count, _MAX_NUMBERS[element.tag])))
            numbers[element.tag] = first + count
            element.clear()
    return found


def _is_folded(element: etree._Element) -> bool:
    """Return whether a row or column is one of a group that is folded."""
    return any(each.tag in _GROUPS and each.get(_DISPLAY) == "false" for each in element.iterancestors())
