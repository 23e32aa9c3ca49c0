"""Spreadsheets: a section for each sheet, and each row as text that can be read alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from vital_shared.retrieval.ingest.blocks import Outline, Parsed, title_from
from vital_shared.retrieval.ingest.packages import OLD_OFFICE, open_package
from vital_shared.retrieval.ingest.rows import Row, add_rows

__all__ = ["parse_sheets"]

MAX_CELLS: Final = 5_000_000


def parse_sheets(data: bytes, *, uri: str) -> Parsed:
    """Read a workbook (xlsx, xlsm, xls, ods): values as they were computed last, never formulas or macros.

    :raises IngestError: when it has a password or is damaged.
    """
    if not data.startswith(OLD_OFFICE):
        open_package(data, uri=uri).close()
    workbook = CalamineWorkbook.from_filelike(BytesIO(data))
    outline, notes = Outline(), []
    for sheet in workbook.sheets_metadata:
        if sheet.typ != SheetTypeEnum.WorkSheet:
            continue
        if sheet.visible != SheetVisibleEnum.Visible:
            notes.append(f"The hidden sheet {sheet.name} was not read.")
            continue
        found = workbook.get_sheet_by_name(sheet.name)
        outline.heading(2, f"Sheet {sheet.name}")
        add_rows(outline, _rows(found))
    return outline.finish(title=title_from(uri), uri=uri, notes=notes)


def _rows(sheet: Any) -> Iterator[Row]:
    """Yield the rows with their numbers in the sheet; merged cells show their value in each of them."""
    values = sheet.to_python(skip_empty_area=False)
    rows = [[_shown(value) for value in row] for row in values]
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if (bottom - top + 1) * (right - left + 1) > MAX_CELLS // 100:
            continue
        for row in range(top, min(bottom + 1, len(rows))):
            for column in range(left, min(right + 1, len(rows[row]))):
                rows[row][column] = rows[top][left]
    return iter(enumerate(rows, start=1))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
    return str(value).strip()
