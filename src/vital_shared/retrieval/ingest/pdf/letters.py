"""The letters of a page and where they stand, as PDFium finds them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from ctypes import addressof, c_double, c_float, create_string_buffer
from typing import Any, Final, NamedTuple

import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

__all__ = ["Letter", "page_letters"]

_BOLD: Final = re.compile(r"bold|black|heavy|semibd|-bd|cmbx|sfbx|demi", re.IGNORECASE)
_MONO: Final = re.compile(
    r"courier|mono(?!type)|nimbusmon|consol|typewriter|(?:cm|sf|ec)\w{0,2}tt", re.IGNORECASE
)
FIXED_PITCH: Final = 1
"""Flag of a font, PDF 32000-1:2008, table 123."""

_HYPHENS: Final = {0x2, 0xAD, 0xFFFE}
"""Codes that PDFium gives hyphens at the ends of lines."""

_LIGATURES: Final = {
    0xFB00: "ff",
    0xFB01: "fi",
    0xFB02: "fl",
    0xFB03: "ffi",
    0xFB04: "ffl",
    0xFB05: "st",
    0xFB06: "st",
}
_HIGH_SURROGATES: Final = range(0xD800, 0xDC00)
_LOW_SURROGATES: Final = range(0xDC00, 0xE000)
"""Halves of a letter beyond U+FFFF: PDFium counts in units of UTF-16."""

_FIRST_ASTRAL: Final = 0x10000
_MATHEMATICAL: Final = range(0x1D400, 0x1D800)
"""Letters and digits as formulas write them, in italics, in bold and in other faces."""

UPRIGHT_DEGREES: Final = 8.0
"""Slant within which text counts as level: scans are seldom straight."""

MIN_SIZE: Final = 1.0
"""Height of letters in points below which nobody can read them."""


class Letter(NamedTuple):
    """A letter in coordinates in which its text runs from left to right, and y grows downwards; in points."""

    text: str
    x0: float
    x1: float
    y: float
    """Height of the baseline."""

    size: float
    bold: bool
    mono: bool
    """Whether all letters of its font are as wide as each other."""

    angle: int
    """Direction of the text on the page in degrees, counter-clockwise."""

    spaced: bool
    """Whether the file has a space before it."""


class _Look(NamedTuple):
    size: float
    bold: bool
    mono: bool
    angle: int
    cos: float
    sin: float


def page_letters(text_page: Any, box: tuple[float, float, float, float]) -> Iterator[Letter]:
    """Yield what can be seen within the page's box, in the order of the file.

    :param text_page: the result of `pypdfium2.PdfPage.get_textpage`.
    :param box: left, bottom, right and top of the page.
    """
    raw, looks, spaced, high = text_page.raw, _Looks(text_page), False, _HIGH_SURROGATES.start
    x, y, rectangle = c_double(), c_double(), pdfium.FS_RECTF()
    left, bottom, right, top = box
    for index in range(pdfium.FPDFText_CountChars(raw)):
        code = pdfium.FPDFText_GetUnicode(raw, index)
        if code in _HIGH_SURROGATES:
            high = code
            continue
        if code in _LOW_SURROGATES:
            code = _FIRST_ASTRAL + ((high - _HIGH_SURROGATES.start) << 10) + code - _LOW_SURROGATES.start
        text = "-" if code in _HYPHENS else _LIGATURES.get(code) or _plain(code)
        if code != 0x2 and (code <= 0x20 or text.isspace()):
            spaced = spaced or not pdfium.FPDFText_IsGenerated(raw, index)
            continue
        look = looks.of(index)
        pdfium.FPDFText_GetCharOrigin(raw, index, x, y)
        is_seen = left - 2 <= x.value <= right + 2 and bottom - 2 <= y.value <= top + 2
        if look is None or not is_seen:
            continue
        pdfium.FPDFText_GetLooseCharBox(raw, index, rectangle)
        slanted_width = looks.width(index, code) if look.angle % 90 else 0.0
        x0, x1 = _extent(look, rectangle, x.value, y.value, slanted_width)
        base = x.value * look.sin - y.value * look.cos
        yield Letter(text, x0, x1, base, look.size, look.bold, look.mono, look.angle, spaced)
        spaced = False


def _plain(code: int) -> str:
    """Return a letter; one of a formula as anybody would type it."""
    return unicodedata.normalize("NFKC", chr(code)) if code in _MATHEMATICAL else chr(code)


def _extent(look: _Look, box: Any, x: float, y: float, slanted_width: float) -> tuple[float, float]:
    if look.angle == 0:
        return box.left, box.right
    if look.angle % 90:
        start = x * look.cos + y * look.sin
        return start, start + slanted_width  # the box around a slanted letter is wider than it
    ends = (
        box.left * look.cos + box.bottom * look.sin,
        box.right * look.cos + box.top * look.sin,
    )
    return min(ends), max(ends)


class _Looks:
    """The looks of letters, found once for each piece of text of the file."""

    def __init__(self, text_page: Any) -> None:
        self._raw = text_page.raw
        self._by_object: dict[int, _Look | None] = {}
        self._styles: dict[int, tuple[bool, bool]] = {}

    def of(self, index: int) -> _Look | None:
        """Return the look of a letter; None where it is too small to be seen."""
        text_object = pdfium.FPDFText_GetTextObject(self._raw, index)
        if not text_object:
            return None
        key = addressof(text_object.contents)
        if key not in self._by_object:
            self._by_object[key] = self._find(text_object, index)
        return self._by_object[key]

    def width(self, index: int, code: int) -> float:
        """Return the width of a letter, in points."""
        text_object = pdfium.FPDFText_GetTextObject(self._raw, index)
        font, width = pdfium.FPDFTextObj_GetFont(text_object), c_float()
        look = self.of(index)
        points = look.size if look else 0.0
        is_known = pdfium.FPDFFont_GetGlyphWidth(font, code, points, width) and width.value > 0
        return width.value if is_known else points / 2

    def _find(self, text_object: Any, index: int) -> _Look | None:
        matrix, size = pdfium.FS_MATRIX(), c_float()
        pdfium.FPDFText_GetMatrix(self._raw, index, matrix)
        pdfium.FPDFTextObj_GetFontSize(text_object, size)
        points = abs(size.value) * math.hypot(matrix.c, matrix.d)
        if not points >= MIN_SIZE:
            return None
        angle = _level(math.degrees(math.atan2(matrix.b, matrix.a)))
        radians = math.radians(angle)
        cos, sin = round(math.cos(radians), 9), round(math.sin(radians), 9)
        return _Look(round(points * 2) / 2, *self._style(text_object), angle, cos, sin)

    def _style(self, text_object: Any) -> tuple[bool, bool]:
        """Return whether a font is bold, and whether its letters have one width."""
        font = pdfium.FPDFTextObj_GetFont(text_object)
        key = addressof(font.contents)
        if key not in self._styles:
            buffer = create_string_buffer(200)
            pdfium.FPDFFont_GetBaseFontName(font, buffer, len(buffer))
            name = buffer.value.decode("latin-1")
            fixed = bool(pdfium.FPDFFont_GetFlags(font) & FIXED_PITCH)
            self._styles[key] = bool(_BOLD.search(name)), fixed or bool(_MONO.search(name))
        return self._styles[key]


def _level(degrees: float) -> int:
    """Return the direction of text, by quarters where it is nearly level."""
    quarter = round(degrees / 90) * 90
    if abs(degrees - quarter) <= UPRIGHT_DEGREES:
        return quarter % 360
    return round(degrees / 5) * 5 % 360
