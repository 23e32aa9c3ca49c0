"""Letters of rich text whose bytes mean what their font says: Russian in a file of a western code page.

What reads the text knows fonts too, but not where the effect of one ends, nor of those that name no set. See
the Rich Text Format Specification 1.9.1, "Font Table" (fcharset) and "Unicode RTF" (uc, u).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Final

from vital_shared.retrieval.ingest.rtf_tokens import TOKEN

__all__ = ["with_letters_of_fonts"]

_ENCODINGS: Final = {
    "77": "mac_roman",
    "128": "cp932",
    "129": "cp949",
    "134": "gbk",
    "136": "big5",
    "161": "cp1253",
    "162": "cp1254",
    "163": "cp1258",
    "177": "cp1255",
    "178": "cp1256",
    "186": "cp1257",
    "204": "cp1251",
    "222": "cp874",
    "238": "cp1250",
}
"""The encodings of bytes, by the numbers of character sets; those of others are the file's own."""

_FONT: Final = re.compile(r"\\f(?P<number>\d+)(?:\\(?!f\d|fcharset)[a-z]+-?\d* ?)*\\fcharset(?P<charset>\d+)")
_CODE_PAGE: Final = re.compile(r"\\ansicpg(?P<number>\d+)")
_DEFAULT_FONT: Final = re.compile(r"\\deff(?P<number>\d+)")
_PAIR: Final = re.compile(r"\\u(-\d+) ?(?:\?|\\'3f)?\\u(-\d+)(?!\d)")


def with_letters_of_fonts(source: str) -> str:
    """Return the source of a rich text with the bytes of such fonts as Unicode, and with whole characters."""
    fonts = {
        found["number"]: _ENCODINGS[found["charset"]]
        for found in _FONT.finditer(source)
        if found["charset"] in _ENCODINGS
    }
    if fonts:
        source = "".join(_converted(source, fonts))
    return _PAIR.sub(_joined, source)


def _converted(source: str, fonts: Mapping[str, str]) -> Iterator[str]:
    default = found["number"] if (found := _DEFAULT_FONT.search(source)) else ""
    page = found["number"] if (found := _CODE_PAGE.search(source)) else "1252"
    usual = _known(f"cp{page}")
    font, replaced, skipped = default, 1, 0
    around: list[tuple[str, int]] = []
    pending = b""
    for token in TOKEN.finditer(source):
        word, text = token["word"], token.group()
        is_byte = text.startswith("\\'") and len(text) == 4
        if is_byte and not skipped:
            pending += bytes.fromhex(text[2:])
            continue
        if pending:
            yield _escaped(pending, fonts.get(font, usual))
            pending = b""
        skipped = replaced if word == "u" else max(0, skipped - 1) if is_byte else 0
        if token["brace"] == "{":
            around.append((font, replaced))
        elif token["brace"]:
            font, replaced = around.pop() if around else (default, 1)
        elif word == "f":
            font = token["number"] or ""
        elif word == "plain":
            font = default
        elif word == "uc":
            replaced = int(token["number"] or 1)
        yield text


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return "cp1252"


def _escaped(letters: bytes, encoding: str) -> str:
    """Write letters as Unicode, in numbers of two bytes, without others for old programs."""
    units = letters.decode(encoding, "replace").encode("utf-16-be")
    numbers = (int.from_bytes(units[at : at + 2], "big", signed=True) for at in range(0, len(units), 2))
    return "".join(rf"{{\uc0\u{number} }}" for number in numbers)


def _joined(pair: re.Match[str]) -> str:
    """Return the character of two halves, which are written as two."""
    high, low = (int(number) & 0xFFFF for number in pair.groups())
    if not (0xD800 <= high < 0xDC00 <= low < 0xE000):
        return pair.group()
    return rf"\u{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)}"
