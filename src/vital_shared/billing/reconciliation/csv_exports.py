"""Exports as CSV: consoles of OpenAI and Anthropic, OpenRouter, and bills of Google, Azure and AWS."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple, TextIO

from vital_shared.billing.reconciliation.columns import column_name
from vital_shared.billing.reconciliation.reported import ProviderExport
from vital_shared.billing.reconciliation.table_rows import TableReader, has_known_columns
from vital_shared.errors import InvalidRequest

__all__ = ["read_csv_export"]

MAX_PREAMBLE_ROWS: Final = 30
"""Rows before the header: Google's begin with the invoice."""

_DELIMITERS: Final = ",;\t|"

_SUM_COLUMN: Final = "total_costs"
"""The last column of Cost Explorer's file, which has a column for each service or model."""


class _HeaderRow(NamedTuple):
    """The place of the columns' names."""

    delimiter: str
    row: int
    cells: Sequence[str]

    @property
    def columns(self) -> list[str]:
        return [column_name(cell) for cell in self.cells]


def read_csv_export(file: TextIO) -> ProviderExport:
    """Read an export, row by row.

    :param file: open at its beginning, with its line ends as they are (``newline=""``); it is read twice.
    :raises InvalidRequest: when a column is missing, or a value cannot be read; names the row.
    """
    try:
        header = _find_header(file)
        is_english = header.delimiter == ","
        if header.columns[-1] == _SUM_COLUMN:
            reader = TableReader(["date", "model", "cost"], is_english=is_english)
            return reader.read(lambda: _melted(file, header))
        return TableReader(header.columns, is_english=is_english).read(lambda: _rows(file, header))
    except csv.Error as error:
        raise InvalidRequest(f"The export is not CSV: {error}.") from error


def _find_header(file: TextIO) -> _HeaderRow:
    for delimiter in _DELIMITERS:
        file.seek(0)
        try:
            for number, cells in enumerate(islice(_reader(file, delimiter), MAX_PREAMBLE_ROWS)):
                header = _HeaderRow(delimiter, number, cells)
                is_wide = len(cells) > 1 and header.columns[-1] == _SUM_COLUMN
                if is_wide or has_known_columns(header.columns):
                    return header
        except csv.Error:
            continue  # with another delimiter it may be none; without a header the sentence below says so
    raise InvalidRequest(
        "The file is not a known usage or cost export: it needs a column with the day, such as "
        "start_time_iso or usage_date_utc, and one with amounts, such as amount_value or input_tokens."
    )


def _rows(file: TextIO, header: _HeaderRow) -> Iterator[tuple[int, Sequence[str]]]:
    file.seek(0)
    for number, cells in enumerate(_reader(file, header.delimiter), start=1):
        if number > header.row + 1:
            yield number, cells


def _melted(file: TextIO, header: _HeaderRow) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield a row for each day and column of Cost Explorer's file, but for the sums."""
    for number, cells in _rows(file, header):
        if len(cells) > len(header.cells):
            raise InvalidRequest(f"Row {number} of the export has more cells than the header.")
        for name, cell in list(zip(header.cells, cells, strict=False))[1:-1]:
            yield number, (cells[0], name.removesuffix("($)"), cell)


def _reader(file: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    return csv.reader(file, delimiter=delimiter, strict=True)
