"""The formats of numbers in an OpenDocument workbook, from the text that each cell shows beside its value.

A cell holds 0.19 and shows 19%. See OpenDocument 1.3, part 3, 19.385 (office:value).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import product
from typing import Final
from zipfile import ZipFile

from lxml import etree

from vital_shared.logs import get_logger
from vital_shared.retrieval.ingest.number_formats import NumberFormat
from vital_shared.retrieval.ingest.odf_rows import odf_rows, repeated_columns
from vital_shared.retrieval.ingest.odf_text import PARAGRAPH, odf_name

__all__ = ["read_odf_number_formats"]

logger = get_logger(__name__)

MAX_DECIMALS: Final = 6
"""Digits behind the point of a number that is shown."""

MAX_REPEATED: Final = 1_000
"""Rows or columns of equal cells whose numbers are read as they are shown."""

_VALUE, _TYPE = odf_name("office", "value"), odf_name("office", "value-type")
_TYPES: Final = frozenset(("float", "percentage", "currency"))
_SHOWN: Final = re.compile(
    r"[-\u2212(]?(?P<before>[^\d(\u2212-]*?)[-\u2212]?"
    r"(?P<number>\d[\d.,' \u00a0\u2019\u202f]*\d|\d)(?P<after>\D*)"
)


def read_odf_number_formats(package: ZipFile) -> dict[str, dict[tuple[int, int], NumberFormat]]:
    """Return the formats that say more than the number, by the sheet's name and the cell's row and column.

    Rows and columns count from 0. Empty where the cells cannot be read: the values are, all the same.
    """
    formats: dict[str, dict[tuple[int, int], NumberFormat]] = {}
    try:
        for sheet, place, found in _cells(package.read("content.xml")):
            formats.setdefault(sheet, {})[place] = found
    except (KeyError, etree.XMLSyntaxError):
        logger.warning("number_formats_unreadable", exc_info=True)
        return {}
    return formats


def _cells(part: bytes) -> Iterator[tuple[str, tuple[int, int], NumberFormat]]:
    """Yield the sheets and places of the cells with a format that counts."""
    for row in odf_rows(part):
        numbers = range(row.number, row.number + min(row.repeated, MAX_REPEATED))
        column = 0
        for cell in row.cells:
            repeated = repeated_columns(cell)
            if (found := _format(cell)) is not None:
                columns = range(column, column + min(repeated, MAX_REPEATED))
                yield from ((row.sheet, place, found) for place in product(numbers, columns))
            column += repeated


def _format(cell: etree._Element) -> NumberFormat | None:
    """Read a format from what a cell shows; None: it says nothing that the number does not."""
    kind = cell.get(_TYPE)
    paragraphs = cell.findall(PARAGRAPH)
    if kind not in _TYPES or len(paragraphs) != 1:
        return None
    shown = _SHOWN.fullmatch("".join(paragraphs[0].itertext()).strip())
    value = _number(cell.get(_VALUE, ""))
    if shown is None or value is None:
        return None
    before, after = (shown[part].replace("\u00a0", " ") for part in ("before", "after"))
    digits = re.sub(r"\D", "", shown["number"])
    amount = abs(value) * 100 if kind == "percentage" else abs(value)
    width, decimals = _digits(digits, amount)
    if decimals is None or not ((before + after).strip(" ()-+") or width > 1):
        return None
    return NumberFormat(before, after.removesuffix(")"), decimals, width, is_percent=kind == "percentage")


def _digits(digits: str, amount: float) -> tuple[int, int | None]:
    """Return the digits before the point that zeros fill up, and those behind; None: it is another number."""
    for decimals in range(MAX_DECIMALS + 1):
        plain = f"{amount:.{decimals}f}".replace(".", "")
        if plain == digits:
            return 1, decimals
        if decimals == 0 and plain == digits.lstrip("0") and plain:
            return len(digits), 0
    return 1, None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
