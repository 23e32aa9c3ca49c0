"""The forms of letters in a workbook's cells: 10 with a raised 6, and what is struck out.

See ISO/IEC 29500-1, 18.4.8 (si), 18.8.22 (font) and 18.3.1.4 (c).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple
from zipfile import ZipFile

from lxml import etree

from vital_shared.logs import get_logger
from vital_shared.retrieval.ingest.letter_forms import LetterForm, Written, spelt_out, struck
from vital_shared.retrieval.ingest.packages import parse_xml
from vital_shared.retrieval.ingest.sheet_cells import sheet_cells, sheet_parts

__all__ = ["CellLetters", "read_sheet_letters"]

logger = get_logger(__name__)

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STYLES: Final = "xl/styles.xml"
_TEXTS: Final = "xl/sharedStrings.xml"
_COUNTS: Final = re.compile(rb"<(?:\w+:)?(?:strike|vertAlign)\b")
_OFF: Final = {"0", "false"}


class CellLetters(NamedTuple):
    """The forms of letters in one cell."""

    text: str | None
    """The text with its forms written out; None: it has none of its own."""
    is_struck: bool
    """Whether all that the cell shows is struck out."""

    def shown(self, text: str) -> str:
        """Return what a cell says, given the text that it shows."""
        said = text if self.text is None else self.text
        return struck(said).strip() if self.is_struck else said


class _Forms(NamedTuple):
    texts: Mapping[str, str]
    """Texts with forms, by the numbers by which cells name them."""
    struck: frozenset[str]
    """The numbers of the cells' styles that strike out."""


def read_sheet_letters(package: ZipFile) -> dict[str, dict[tuple[int, int], CellLetters]]:
    """Return the cells whose letters have forms that count, by the sheet's name and by row and column.

    Rows and columns count from 0. Empty where the forms cannot be read: the values are, all the same.
    """
    try:
        forms = _Forms(_shared_texts(package), _struck_styles(package))
        return {
            sheet: dict(_cells(package.read(part), forms)) for sheet, part in sheet_parts(package).items()
        }
    except etree.XMLSyntaxError:
        logger.warning("letter_forms_unreadable", exc_info=True)
        return {}


def _part(package: ZipFile, name: str) -> bytes:
    """Return a part that has forms which count; empty where there is none."""
    part = package.read(name) if name in package.namelist() else b""
    return part if _COUNTS.search(part) else b""


def _shared_texts(package: ZipFile) -> dict[str, str]:
    part = _part(package, _TEXTS)
    texts = enumerate(parse_xml(part).iterfind(f"{_MAIN}si")) if part else ()
    return {str(number): text for number, item in texts if (text := _text(item)) is not None}


def _struck_styles(package: ZipFile) -> frozenset[str]:
    part = _part(package, _STYLES)
    if not part:
        return frozenset()
    root = parse_xml(part)
    fonts = [_form(font) == "struck" for font in root.iterfind(f"{_MAIN}fonts/{_MAIN}font")]
    struck_fonts = {str(number) for number, is_struck in enumerate(fonts) if is_struck}
    styles = enumerate(root.iterfind(f"{_MAIN}cellXfs/{_MAIN}xf"))
    return frozenset(str(number) for number, style in styles if style.get("fontId") in struck_fonts)


def _cells(part: bytes, forms: _Forms) -> Iterator[tuple[tuple[int, int], CellLetters]]:
    if not (forms.texts or forms.struck or _COUNTS.search(part)):
        return
    for place, cell in sheet_cells(part):
        text = None
        if cell.get("t") == "s":
            text = forms.texts.get(cell.findtext(f"{_MAIN}v", ""))
        elif (inline := cell.find(f"{_MAIN}is")) is not None:
            text = _text(inline)
        is_struck = cell.get("s", "") in forms.struck
        if is_struck or text is not None:
            yield place, CellLetters(text, is_struck)


def _text(item: etree._Element) -> str | None:
    """Return a text with its forms written out; None where it has none."""
    pieces = [
        Written(each.findtext(f"{_MAIN}t", ""), _form(each.find(f"{_MAIN}rPr")))
        for each in item
        if each.tag in (f"{_MAIN}r", f"{_MAIN}t")
    ]
    if all(piece.form == "plain" for piece in pieces):
        return None
    return " ".join(spelt_out(pieces).split())


def _form(properties: etree._Element | None) -> LetterForm:
    if properties is None:
        return "plain"
    line = properties.find(f"{_MAIN}strike")
    if line is not None and line.get("val", "1") not in _OFF:
        return "struck"
    place = properties.find(f"{_MAIN}vertAlign")
    forms: dict[str | None, LetterForm] = {"superscript": "raised", "subscript": "lowered"}
    return forms.get(place.get("val"), "plain") if place is not None else "plain"
