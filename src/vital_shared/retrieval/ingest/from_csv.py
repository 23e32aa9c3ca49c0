"""Comma- and tab-separated values: each row as text that can be read alone."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Final

from vital_shared.retrieval.ingest.blocks import Outline, Parsed, title_from
from vital_shared.retrieval.ingest.decode import decode
from vital_shared.retrieval.ingest.rows import add_rows

__all__ = ["parse_csv"]

SAMPLE_CHARACTERS: Final = 20_000
DELIMITERS: Final = ",;\t|"


def parse_csv(data: bytes, *, uri: str, charset: str | None = None) -> Parsed:
    """Read a table; the delimiter is the sign with the most regular counts.

    The longest cell is `csv.field_size_limit`, which holds for the whole process and so is not set here:
    the process that reads documents sets it when it starts.

    :raises IngestError: when it is not text.
    :raises csv.Error: when a cell is longer than the process allows.
    """
    text = decode(data, uri=uri, declared=charset)
    reader = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text))
    outline = Outline()
    add_rows(outline, ((reader.line_num, [cell.strip() for cell in row]) for row in reader))
    return outline.finish(title=title_from(uri), uri=uri)


def _delimiter(text: str) -> str:
    sample = [line for line in text[:SAMPLE_CHARACTERS].splitlines() if line.strip()][:50]
    return max(DELIMITERS, key=lambda sign: (sum(sign in line for line in sample), -_spread(sample, sign)))


def _spread(sample: list[str], sign: str) -> int:
    return len({line.count(sign) for line in sample})
