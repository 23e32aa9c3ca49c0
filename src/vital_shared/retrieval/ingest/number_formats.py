"""The formats of numbers in a workbook's cells: percent, currencies, units and leading zeros.

A cell holds 0.19 and shows 19%. Formats that only round, group or colour are left alone: the value is exact.
See ISO/IEC 29500-1, 18.8.30 (numFmt) and 18.3.1.4 (c).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple
from zipfile import ZipFile

from lxml import etree

from vital_shared.logs import get_logger
from vital_shared.retrieval.ingest.date_formats import DateFormat, read_date_format
from vital_shared.retrieval.ingest.packages import parse_xml
from vital_shared.retrieval.ingest.sheet_cells import sheet_cells, sheet_parts

__all__ = [
    "CellFormat",
    "HidingFormat",
    "NumberFormat",
    "read_number_formats",
]

logger = get_logger(__name__)

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_BUILT_IN: Final = {9: "0%", 10: "0.00%", 16: "d-mmm", 17: "mmm-yy"}
"""The formats without a code of their own; those of money differ by country, and are not known."""

_TOKEN: Final = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_.|\*.|\[\$(?P<currency>[^\]-]*)(?:-[^\]]*)?\]|\[(?P<other>[^\]]*)\]'
    r"|(?P<digits>[0#?][0#?,.]*|General)|(?P<rest>.)",
    re.DOTALL | re.IGNORECASE,
)
_COLOURS: Final = frozenset(("black", "blue", "cyan", "green", "magenta", "red", "white", "yellow"))
_BESIDE: Final = frozenset("$+-()/: %")
"""Characters that a format shows without quotes, and the sign of percent."""


class NumberFormat(NamedTuple):
    """The way in which a format shows a number."""

    before: str
    after: str
    decimals: int
    """Digits behind the point."""
    width: int
    """Digits before the point, with zeros in front where there are fewer."""
    is_percent: bool

    def shown(self, value: float) -> str:
        """Return a number as the cell shows it, with all of its digits."""
        number = abs(value) * 100 if self.is_percent else abs(value)
        exact = f"{number:.12g}" if self.is_percent else f"{number:.15g}"
        rounded = f"{number:.{self.decimals}f}"
        text = rounded if float(rounded) == float(exact) else exact
        if self.is_percent and float(exact).is_integer():
            text = f"{number:.0f}"
        sign = "-" if value < 0 else ""
        return f"{sign}{self.before}{text.zfill(self.width)}{self.after}".strip()


class HidingFormat(NamedTuple):
    """A format without a section for what a cell has, which then shows nothing (``;;;``)."""

    hides_texts: bool
    """Whether texts are not shown either."""

    def hides(self, value: object) -> bool:
        return value not in ("", None) and (self.hides_texts or not isinstance(value, str))


CellFormat = NumberFormat | DateFormat | HidingFormat
"""A format that says more, or less, than the value."""

_HIDING: Final = re.compile(r"(?:\[[^\]]*\])?;(?:\[[^\]]*\])?;(?:\[[^\]]*\])?(?P<text>;?)")


def read_number_formats(package: ZipFile) -> dict[str, dict[tuple[int, int], CellFormat]]:
    """Return the formats that say another thing than the value, by the sheet's name and by row and column.

    Rows and columns count from 0. Empty where the workbook has none, or where they cannot be read: the values
    are, all the same.
    """
    try:
        return _formats(package)
    except etree.XMLSyntaxError:
        logger.warning("number_formats_unreadable", exc_info=True)
        return {}


def _formats(package: ZipFile) -> dict[str, dict[tuple[int, int], CellFormat]]:
    names = set(package.namelist())
    if "xl/styles.xml" not in names:
        return {}
    styles = _styles(parse_xml(package.read("xl/styles.xml")))
    if not styles:
        return {}
    return {sheet: dict(_cells(package.read(part), styles)) for sheet, part in sheet_parts(package).items()}


def _styles(root: etree._Element) -> dict[str, CellFormat]:
    """Return the formats by the number of the cell's style, as cells name it."""
    codes = {each.get("numFmtId"): each.get("formatCode", "") for each in root.iter(f"{_MAIN}numFmt")}
    codes |= {str(number): code for number, code in _BUILT_IN.items()}
    found: dict[str, CellFormat] = {}
    for number, style in enumerate(root.iterfind(f"{_MAIN}cellXfs/{_MAIN}xf")):
        code = codes.get(style.get("numFmtId"), "")
        if (read := _hiding(code) or _format(code) or read_date_format(code)) is not None:
            found[str(number)] = read
    return found


def _hiding(code: str) -> HidingFormat | None:
    """Read a format of empty sections, which may have colours; of three they are for numbers alone."""
    match = _HIDING.fullmatch(code.strip())
    return HidingFormat(hides_texts=bool(match["text"])) if match else None


def _format(code: str) -> NumberFormat | None:
    """Read a format; None: it says nothing that the number does not, or is of a kind that is not read."""
    texts, digits = ["", ""], ""
    for token in _TOKEN.finditer(_first_section(code)):
        kind, text = token.lastgroup, token[token.lastgroup] if token.lastgroup else ""
        if kind == "digits":
            if digits:
                return None  # a fraction, a telephone number
            digits = text if text[0] in "0#?" else "0"  # General shows all digits, as is done anyway
        elif kind == "other" and text.lower() not in _COLOURS:
            return None  # a condition, a duration
        elif kind == "rest" and text not in _BESIDE and text not in "€£¥":
            return None  # a date, an exponent, a text
        elif kind in ("quoted", "escaped", "currency", "rest"):
            texts[bool(digits)] += text
    whole, _, decimals = digits.partition(".")
    if (not whole and not decimals) or digits.endswith(","):  # thousands or millions
        return None
    before, after = (text.replace("\u00a0", " ") for text in texts)
    is_padded = len(whole) > 1 and set(whole) == {"0"} and not decimals
    if not (before + after).strip(" ()-+") and not is_padded:
        return None
    width = len(whole) if is_padded else 1
    return NumberFormat(before, after, len(decimals), width, is_percent="%" in before + after)


def _first_section(code: str) -> str:
    """Return the part of a format for positive numbers."""
    for token in _TOKEN.finditer(code):
        if token["rest"] == ";":
            return code[: token.start()]
    return code


def _cells(part: bytes, styles: Mapping[str, CellFormat]) -> Iterator[tuple[tuple[int, int], CellFormat]]:
    """Yield the cells with a format that counts."""
    for place, cell in sheet_cells(part):
        if (found := styles.get(cell.get("s", ""))) is not None:
            yield place, found
