"""The sheets of a workbook and their cells, as its parts have them.

See ISO/IEC 29500-1, 18.2.19 (sheet) and 18.3.1.4 (c).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from posixpath import join, normpath
from typing import Final
from zipfile import ZipFile

from lxml import etree

from vital_shared.retrieval.ingest.packages import parse_xml

__all__ = ["Place", "cell_place", "cell_reference", "sheet_cells", "sheet_parts"]

Place = tuple[int, int]
"""The row and column of a cell, from 0."""

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([1-9]\d*)")


def sheet_parts(package: ZipFile) -> dict[str, str]:
    """Return the names of sheets with the parts that have their cells.

    :raises etree.XMLSyntaxError: when the list of sheets is no XML.
    """
    names = set(package.namelist())
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
        return {}
    return {sheet: part for sheet, part in _sheets(package) if part in names}


def _sheets(package: ZipFile) -> Iterator[tuple[str, str]]:
    relations = parse_xml(package.read("xl/_rels/workbook.xml.rels"))
    targets: Mapping[str | None, str] = {each.get("Id"): each.get("Target", "") for each in relations}
    for sheet in parse_xml(package.read("xl/workbook.xml")).iter(f"{_MAIN}sheet"):
        target = targets.get(sheet.get(_RELATION), "")
        yield sheet.get("name", ""), target[1:] if target.startswith("/") else normpath(join("xl", target))


def sheet_cells(part: bytes) -> Iterator[tuple[Place, etree._Element]]:
    """Yield the cells of a sheet with row and column, from 0; each is gone with the end of its row.

    :raises etree.XMLSyntaxError: when it is no XML.
    """
    tags = (f"{_MAIN}c", f"{_MAIN}row")
    read = etree.iterparse(BytesIO(part), tag=tags, resolve_entities=False, no_network=True, load_dtd=False)
    for _, element in read:
        place = cell_place(element.get("r", "")) if element.tag == tags[0] else None
        if place is not None:
            yield place, element
        if element.tag == tags[1]:  # large sheets need not fit into memory
            element.clear()
            while (earlier := element.getprevious()) is not None:
                earlier.getparent().remove(earlier)


def cell_place(reference: str) -> Place | None:
    """Return row and column of a reference such as B3, from 0; None where it is none."""
    found = _REFERENCE.fullmatch(reference)
    return (int(found[2]) - 1, _column(found[1])) if found else None


def cell_reference(place: Place) -> str:
    """Return the reference of a cell, such as B3."""
    row, column = place
    letters, number = "", column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row + 1}"


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1
