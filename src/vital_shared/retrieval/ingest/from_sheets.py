"""Spreadsheets: a section for each sheet, and each row as text that can be read alone."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, Final
from zipfile import ZipFile

from lxml import etree
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from vital_shared.logs import get_logger
from vital_shared.retrieval.ingest.blocks import Outline, Parsed, title_from
from vital_shared.retrieval.ingest.date_formats import DateFormat
from vital_shared.retrieval.ingest.far_cells import MAX_CELLS, leave_out_far_cells
from vital_shared.retrieval.ingest.hidden_cells import NOTHING_HIDDEN, HiddenCells, read_hidden_cells
from vital_shared.retrieval.ingest.number_formats import (
    CellFormat,
    HidingFormat,
    read_number_formats,
)
from vital_shared.retrieval.ingest.odf_far_cells import leave_out_far_odf_cells
from vital_shared.retrieval.ingest.odf_hidden_cells import read_odf_hidden_cells
from vital_shared.retrieval.ingest.odf_merged_cells import MergedRange, read_odf_merged_cells
from vital_shared.retrieval.ingest.odf_number_formats import read_odf_number_formats
from vital_shared.retrieval.ingest.packages import OLD_OFFICE, open_package
from vital_shared.retrieval.ingest.rows import Row, add_rows
from vital_shared.retrieval.ingest.sheet_cells import sheet_parts
from vital_shared.retrieval.ingest.sheet_letters import CellLetters, read_sheet_letters

__all__ = ["parse_sheets"]

logger = get_logger(__name__)

MAX_WHOLE: Final = 1e21
"""Whole numbers from this on are written with an exponent; those below may be the numbers of things."""

_DAY_ZERO: Final = dt.date(1899, 12, 31)
"""The day of the number 0, which is read as midnight."""

MAX_MERGED_ROWS: Final = 10
_SHEET: Final = re.compile(r"xl/worksheets/[^/]+\.xml")
_COMMENTS: Final = re.compile(r"xl/(?:comments/)?comments?\d*\.xml")
_DRAWING: Final = re.compile(r"xl/drawings/[^/]+\.xml")
_UNCOMPUTED: Final = re.compile(rb"<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")


def parse_sheets(data: bytes, *, uri: str) -> Parsed:
    """Read a workbook (xlsx, xlsm, xls, ods): values as they were computed last, never formulas or macros.

    :raises IngestError: when it has a password, is damaged, or has too many cells.
    """
    formats: Mapping[str, Mapping[tuple[int, int], CellFormat]] = {}
    letters: Mapping[str, Mapping[tuple[int, int], CellLetters]] = {}
    hidden: dict[str, HiddenCells] = {}
    merged: dict[str, list[MergedRange]] = {}
    far: tuple[str, ...] = ()
    if not data.startswith(OLD_OFFICE):
        with open_package(data, uri=uri) as package:
            is_odf = "content.xml" in package.namelist()
            formats = read_odf_number_formats(package) if is_odf else read_number_formats(package)
            letters = {} if is_odf else read_sheet_letters(package)
            hidden = read_odf_hidden_cells(package) if is_odf else _hidden(package)
            merged = read_odf_merged_cells(package) if is_odf else {}
            leave_out = leave_out_far_odf_cells if is_odf else leave_out_far_cells
            data, far = leave_out(data, package, uri=uri)
    workbook = CalamineWorkbook.from_filelike(BytesIO(data))
    outline, notes = Outline(), [*far]
    for sheet in workbook.sheets_metadata:
        if sheet.typ != SheetTypeEnum.WorkSheet:
            if sheet.typ == SheetTypeEnum.ChartSheet:
                notes.append(f"The chart {sheet.name} was not read.")
            continue
        if sheet.visible != SheetVisibleEnum.Visible:
            notes.append(f"The hidden sheet {sheet.name} was not read.")
            continue
        found = workbook.get_sheet_by_name(sheet.name)
        outline.heading(2, f"Sheet {sheet.name}")
        ranges = merged.get(sheet.name) or found.merged_cell_ranges or []
        unseen = hidden.get(sheet.name, NOTHING_HIDDEN)
        notes += _what_is_hidden(sheet.name, unseen)
        values, shown_by = found.to_python(skip_empty_area=False), formats.get(sheet.name, {})
        if any(_is_unshown(_value(values, place), each) for place, each in shown_by.items()):
            notes.append(f"Cells of the sheet {sheet.name} that their format hides were not read.")
        rows = _seen(_rows(values, shown_by, letters.get(sheet.name, {}), ranges), unseen)
        add_rows(outline, rows, merged=_merged_rows(ranges))
    if not data.startswith(OLD_OFFICE):
        notes += _unread(data, uri)
    return outline.finish(title=title_from(uri), uri=uri, notes=notes)


def _hidden(package: ZipFile) -> dict[str, HiddenCells]:
    """Return what is hidden in each sheet; nothing where that cannot be read: the values still are."""
    try:
        return {name: read_hidden_cells(package.read(part)) for name, part in sheet_parts(package).items()}
    except etree.XMLSyntaxError:
        logger.warning("hidden_cells_unreadable", exc_info=True)
        return {}


def _what_is_hidden(sheet: str, hidden: HiddenCells) -> Iterator[str]:
    if hidden.rows:
        yield f"Hidden rows of the sheet {sheet} were not read."
    if hidden.columns:
        yield f"Hidden columns of the sheet {sheet} were not read."


def _seen(rows: Iterator[Row], hidden: HiddenCells) -> Iterator[Row]:
    """Yield the rows and columns that are not hidden, each row with its number in the sheet."""
    for number, texts in rows:
        if number - 1 not in hidden.rows:
            yield number, [text for column, text in enumerate(texts) if column not in hidden.columns]


def _unread(data: bytes, uri: str) -> Iterator[str]:
    """Yield what the file says beside its cells, and which cells have no value yet (ISO/IEC 29500-1)."""
    with open_package(data, uri=uri) as package:
        names = package.namelist()
        sheets = [name for name in names if _SHEET.fullmatch(name)]
        formulas = sum(len(_UNCOMPUTED.findall(package.read(name))) for name in sheets)
        comments = sum(package.read(name).count(b"<comment ") for name in names if _COMMENTS.fullmatch(name))
        boxes = sum(b"<xdr:txBody>" in package.read(name) for name in names if _DRAWING.fullmatch(name))
    if formulas:
        what = "One formula was" if formulas == 1 else f"{formulas} formulas were"
        yield f"{what} never computed and not read: open the file in a spreadsheet program, and save it."
    if comments:
        yield (
            "One comment on a cell was not read." if comments == 1 else f"{comments} comments were not read."
        )
    if boxes:
        yield "Text boxes over the cells were not read."


def _merged_rows(ranges: Sequence[MergedRange]) -> set[int]:
    """Return the numbers of the rows that have a cell over several columns."""
    return {
        row + 1
        for (top, left), (bottom, right) in ranges
        if right > left
        for row in range(top, min(bottom, top + MAX_MERGED_ROWS) + 1)
    }


def _rows(
    values: Sequence[Sequence[Any]],
    formats: Mapping[tuple[int, int], CellFormat],
    letters: Mapping[tuple[int, int], CellLetters],
    merged: Sequence[MergedRange],
) -> Iterator[Row]:
    """Yield the rows with their numbers in the sheet; merged cells show their value in each of them."""
    rows = [[_shown(value) for value in row] for row in values]
    for (row, column), each in formats.items():
        text = _formatted(_value(values, (row, column)), each)
        if text is not None:
            rows[row][column] = text
    for (row, column), forms in letters.items():
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = forms.shown(rows[row][column])
    for (top, left), (bottom, right) in merged:
        if (bottom - top + 1) * (right - left + 1) > MAX_CELLS // 100:
            continue
        for row in range(top, min(bottom + 1, len(rows))):
            for column in range(left, min(right + 1, len(rows[row]))):
                rows[row][column] = rows[top][left]
    return iter(enumerate(rows, start=1))


def _formatted(value: Any, form: CellFormat) -> str | None:
    """Return a value as its format shows it; None where that says nothing else."""
    if isinstance(form, HidingFormat):
        return "" if form.hides(value) else None
    if isinstance(form, DateFormat):
        if isinstance(value, dt.date):
            return form.shown(value)
        return form.shown(_DAY_ZERO) if value == dt.time() else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return form.shown(value) if is_number else None


def _value(values: Sequence[Sequence[Any]], place: tuple[int, int]) -> Any:
    row, column = place
    return values[row][column] if row < len(values) and column < len(values[row]) else None


def _is_unshown(value: Any, form: CellFormat) -> bool:
    return isinstance(form, HidingFormat) and form.hides(value)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < MAX_WHOLE else f"{value:.15g}"
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
    return str(value).strip()
