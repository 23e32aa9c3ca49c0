"""Cells of a workbook that stand far from all others, such as one that was filled in by mistake.

Whatever reads a sheet keeps a place for each cell up to the last one, filled or not: one in the last row and
column of a sheet of today asks for 17 billion. See ISO/IEC 29500-1, 18.3.1.35 (dimension) and 18.3.1.4 (c).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from itertools import pairwise
from typing import Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

from lxml import etree

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.packages import parse_xml
from vital_shared.retrieval.ingest.sheet_cells import (
    Place,
    cell_place,
    cell_reference,
    sheet_cells,
    sheet_parts,
)

__all__ = [
    "MAX_CELLS",
    "NearCells",
    "NearRange",
    "leave_out_far_cells",
    "near_range",
    "too_large",
    "with_parts",
]

MAX_CELLS: Final = 5_000_000
"""Cells of a sheet up to its last row and column, empty ones included."""

FAR_ROWS: Final = 2_000
FAR_COLUMNS: Final = 200
"""Empty rows, or columns, behind which a cell belongs to nothing before them."""

_DIMENSION: Final = re.compile(rb"<(?:\w+:)?dimension\s+ref=\"(?:[A-Z]+\d+:)?([A-Z]{1,3}\d{1,7})\"")
_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


class NearCells(NamedTuple):
    """A workbook without the cells that stand far from all others."""

    data: bytes
    notes: tuple[str, ...]
    """A sentence for each sheet of which cells were left out."""


class NearRange(NamedTuple):
    """The part of a sheet that is read."""

    last_row: int
    last_column: int
    note: str
    """A sentence about the cells beyond it."""


def leave_out_far_cells(data: bytes, package: ZipFile, *, uri: str) -> NearCells:
    """Return a workbook whose sheets have no more than `MAX_CELLS` cells each.

    :raises IngestError: when a sheet has more, and none of them stands far from the others.
    """
    changed, notes = dict[str, bytes](), list[str]()
    try:
        for sheet, part in sheet_parts(package).items():
            content = package.read(part)
            if _may_be_too_large(content) and (found := _without_far(content, sheet, uri)) is not None:
                changed[part], note = found
                notes.append(note)
    except etree.XMLSyntaxError:
        return NearCells(data, ())  # what reads the values says what is wrong with it
    return NearCells(with_parts(package, changed) if changed else data, tuple(notes))


def _may_be_too_large(content: bytes) -> bool:
    """Say whether a sheet has to be looked at: those that programs write name their last cell."""
    found = _DIMENSION.search(content, 0, 10_000)
    last = cell_place(found[1].decode()) if found else None
    return last is None or _size([last]) > MAX_CELLS


def _without_far(content: bytes, sheet: str, uri: str) -> tuple[bytes, str] | None:
    """Return a sheet without its far cells, and a note of them; None where all of them can be read."""
    near = near_range([place for place, cell in sheet_cells(content) if len(cell)], sheet, uri=uri)
    return (_cut(content, near), near.note) if near is not None else None


def near_range(filled: Sequence[Place], sheet: str, *, uri: str) -> NearRange | None:
    """Return the part of a sheet that is read; None where that is all of it.

    :param filled: the places of all cells that are not empty, in the order of the rows.
    :raises IngestError: when the sheet has too many cells, and none of them stands far from the others.
    """
    if _size(filled) <= MAX_CELLS:
        return None
    last_row = _end((row for row, _ in filled), FAR_ROWS)
    last_column = _end((column for row, column in filled if row <= last_row), FAR_COLUMNS)
    far = [(row, column) for row, column in filled if row > last_row or column > last_column]
    if 2 * len(far) > len(filled) or (last_row + 1) * (last_column + 1) > MAX_CELLS:
        raise too_large(sheet, _size(filled), uri=uri)
    return NearRange(last_row, last_column, _note(sheet, far))


def too_large(sheet: str, cells: int, *, uri: str) -> IngestError:
    """Return the error for a sheet of which no part is read."""
    return IngestError(
        f"{uri} cannot be read: the sheet {sheet} has {cells:,} cells up to its last row and column, and at "
        f"most {MAX_CELLS:,} are read: delete what stands far from the rest, or split it.",
        path=uri,
    )


def _size(filled: Iterable[Place]) -> int:
    rows = columns = 0
    for row, column in filled:
        rows, columns = max(rows, row + 1), max(columns, column + 1)
    return rows * columns


def _end(numbers: Iterable[int], gap: int) -> int:
    """Return the last row or column before the first gap."""
    ordered = sorted({0, *numbers})
    return next((before for before, after in pairwise(ordered) if after - before > gap), ordered[-1])


def _cut(content: bytes, near: NearRange) -> bytes:
    root = parse_xml(content)
    for row in root.iter(f"{_MAIN}row"):
        for cell in list(row):
            place = cell_place(cell.get("r", ""))
            if place is not None and (place[0] > near.last_row or place[1] > near.last_column):
                row.remove(cell)
    written: bytes = etree.tostring(root)
    return written


def _note(sheet: str, far: list[Place]) -> str:
    named = cell_reference(far[0])
    if len(far) == 1:
        return f"The cell {named} of the sheet {sheet}, far from all others, was not read."
    return (
        f"{len(far):,} cells of the sheet {sheet}, far from all others, were not read; the first is {named}."
    )


def with_parts(package: ZipFile, changed: Mapping[str, bytes]) -> bytes:
    """Return a package with other contents of some of its parts."""
    written = BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as copy:
        for name in dict.fromkeys(package.namelist()):
            copy.writestr(name, changed.get(name) or package.read(name))
    return written.getvalue()
