"""The rows and columns of a workbook's sheets that somebody has hidden.

Rows that a filter leaves out, and those of a group that is folded, are no secret: the sheet shows how to see
them. See ISO/IEC 29500-1, 18.3.1.13 (col), 18.3.1.73 (row) and 18.3.2 (filters).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Final, NamedTuple

from lxml import etree

__all__ = ["MAX_COLUMNS", "NOTHING_HIDDEN", "HiddenCells", "read_hidden_cells"]

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_HIDES: Final = re.compile(rb"""<(?:\w+:)?(?:row|col)\b[^>]*\shidden=["'](?:1|true)["']""")
_ON: Final = {"1", "true"}
MAX_COLUMNS: Final = 16_384


class HiddenCells(NamedTuple):
    """Hidden rows and columns of a sheet, from 0."""

    rows: frozenset[int]
    columns: frozenset[int]


NOTHING_HIDDEN: Final = HiddenCells(frozenset(), frozenset())
"""The hidden cells of most sheets."""


def read_hidden_cells(part: bytes) -> HiddenCells:
    """Return what is hidden in a sheet.

    :param part: the sheet's XML.
    :raises etree.XMLSyntaxError: when it is no XML.
    """
    if not _HIDES.search(part):
        return NOTHING_HIDDEN
    rows: set[int] = set()
    columns: set[int] = set()
    tags = tuple(f"{_MAIN}{name}" for name in ("row", "col", "filterColumn"))
    number, is_filtered = -1, False
    read = etree.iterparse(BytesIO(part), tag=tags, resolve_entities=False, no_network=True, load_dtd=False)
    for _, element in read:
        is_hidden = element.get("hidden") in _ON and element.get("outlineLevel", "0") == "0"
        if element.tag == tags[0]:
            number = _number(element, "r", number + 2) - 1
            rows |= {number} if is_hidden else set()
            element.clear()
        elif element.tag == tags[1]:
            columns.update(_range(element) if is_hidden else ())
        else:
            is_filtered = True
    return HiddenCells(frozenset() if is_filtered else frozenset(rows), frozenset(columns))


def _range(column: etree._Element) -> Iterator[int]:
    first = _number(column, "min", 1)
    yield from range(first - 1, min(_number(column, "max", first), MAX_COLUMNS))


def _number(element: etree._Element, name: str, default: int) -> int:
    text = element.get(name, "")
    return int(text) if text.isdecimal() and text.isascii() and int(text) > 0 else default
