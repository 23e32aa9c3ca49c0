"""Comma- and tab-separated values: each row as text that can be read alone."""

from __future__ import annotations

import csv
import re
from collections import Counter
from io import StringIO
from typing import Final

from vital_shared.retrieval.ingest.blocks import Outline, Parsed, title_from
from vital_shared.retrieval.ingest.decode import decode
from vital_shared.retrieval.ingest.rows import add_rows

__all__ = ["parse_csv"]

SAMPLE_CHARACTERS: Final = 20_000
SAMPLE_LINES: Final = 50
DELIMITERS: Final = ";\t|,"
"""Signs between cells; of two that are as regular, the one that is rarer in texts and numbers comes first."""

_NAMED: Final = re.compile(r"sep=(?P<sign>[^\w\s\"]|\t)\r?\n", re.IGNORECASE)
"""The first line of a file that names its sign for spreadsheet programs."""


def parse_csv(data: bytes, *, uri: str, charset: str | None = None) -> Parsed:
    """Read a table; the delimiter is the sign with the most regular counts.

    The longest cell is `csv.field_size_limit`, which holds for the whole process and so is not set here:
    the process that reads documents sets it when it starts.

    :raises IngestError: when it is not text.
    :raises csv.Error: when a cell is longer than the process allows.
    """
    text = decode(data, uri=uri, declared=charset)
    delimiter = _delimiter(text)
    if named := _NAMED.match(text):
        delimiter, text = named["sign"], text[named.end() :]
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    outline = Outline()
    rows = enumerate(reader, start=2 if named else 1)
    add_rows(outline, ((number, [cell.strip() for cell in row]) for number, row in rows), is_one_table=True)
    return outline.finish(title=title_from(uri), uri=uri)


def _delimiter(text: str) -> str:
    lines = [line for line in text[:SAMPLE_CHARACTERS].splitlines(keepends=True) if line.strip()]
    sample = "".join(lines[:SAMPLE_LINES])
    return max(DELIMITERS, key=lambda sign: _regularity(sample, sign))


def _regularity(sample: str, sign: str) -> tuple[float, int, int]:
    """Return how regular the rows are that a sign makes: more of one width, of text without blanks, of cells.

    Signs within quotes part no cells, and commas with a blank behind them, or within numbers, seldom do.
    """
    try:
        rows = [row for row in csv.reader(StringIO(sample, newline=""), delimiter=sign) if any(row)]
    except csv.Error:
        return 0.0, 0, 0
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return 0.0, 0, 0
    width, count = widths.most_common(1)[0]
    loose = sum(cell.startswith(" ") for row in rows for cell in row[1:])
    return count / len(rows), -loose, width
