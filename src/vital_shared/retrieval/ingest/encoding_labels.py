"""Names of encodings as documents declare them, read as browsers do.

Source: https://encoding.spec.whatwg.org/#names-and-labels; encodings are called by Python's names.
"""

from __future__ import annotations

import codecs
from typing import Final

__all__ = ["codec_of"]

_SUPERSETS: Final = {
    "ascii": "cp1252",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "shift_jis": "cp932",
    "tis-620": "cp874",
}
"""Encodings that are read as larger ones, since pages that declare the first are written in the second."""

_MORE_LABELS: Final = {
    "chinese": "gb18030",
    "cn-big5": "big5hkscs",
    "csgb2312": "gb18030",
    "dos-874": "cp874",
    "ks_c_5601-1989": "cp949",
    "ksc_5601": "cp949",
    "logical": "iso8859-8",
    "iso-8859-8-i": "iso8859-8",
    "gb_2312-80": "gb18030",
    "koi8_ru": "koi8-u",
    "unicode-1-1-utf-8": "utf-8",
    "utf8": "utf-8",
    "visual": "iso8859-8",
    "windows-31j": "cp932",
    "windows-949": "cp949",
    "x-cp1250": "cp1250",
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gb18030",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-roman": "mac-roman",
    "x-sjis": "cp932",
    "x-user-defined": "cp1252",
    "x-x-big5": "big5hkscs",
}
"""Labels that Python does not know."""

_NO_TEXT: Final = frozenset(
    {"base64", "bz2", "hex", "idna", "punycode", "quopri", "raw-unicode-escape", "rot13", "undefined"}
    | {"unicode-escape", "utf-7", "uu", "zlib"}
)
"""Codecs of Python that are no encodings of documents."""


def codec_of(label: str | None) -> str | None:
    """Return the Python codec of a declared encoding; None where there is none."""
    name = (label or "").strip().strip("\"'").lower()
    if name in _MORE_LABELS:
        return _MORE_LABELS[name]
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    return None if found in _NO_TEXT else _SUPERSETS.get(found, found)
