"""The code page of a text in the Latin alphabet, by the letters of the languages that use it.

Detectors by statistics cannot distinguish these in short texts: all are mostly ASCII.
"""

# ruff: noqa: RUF001 - the letters and signs of many languages are what it is about

from __future__ import annotations

import re
from typing import Final

from vital_shared.retrieval.ingest.misplaced import is_misplaced

__all__ = ["LATIN", "decode_windows_1252", "guess_latin"]

_WESTERN: Final = (
    "äöüßéèêàâçôïëñ",  # German, with its foreign words
    "àâæçéèêëîïôœùûüÿ",  # French
    "áéíóúüñ",  # Spanish
    "áâãàçéêíóôõúü",  # Portuguese
    "àèéìíòóùú",  # Italian
    "åäöéü",  # Swedish, Finnish
    "æøåéöäüòô",  # Danish, Norwegian
    "éëïóèöüá",  # Dutch
    "àçèéíïòóúü",  # Catalan
    "çéèñôöüïâ",  # English
)
_CENTRAL: Final = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "čćđšž",  # Croatian, Slovene
    "ăâîşţ",  # Romanian
)
_ICELANDIC: Final = "áðéíóúýþæö"
_LANGUAGES: Final = (
    ("cp1252", _WESTERN),
    ("cp1250", _CENTRAL),
    ("iso8859-2", _CENTRAL),
    ("cp1254", ("çğıi̇öşüâîû",)),  # Turkish
    ("cp1257", ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž")),  # Lithuanian, Latvian, Estonian
    ("cp1252", ("".join(_WESTERN),)),  # in several languages
    ("iso8859-15", _WESTERN),
    ("cp1252", (_ICELANDIC,)),
    ("cp850", _WESTERN),
    ("cp852", _CENTRAL),
    ("mac-roman", _WESTERN),
)
"""Encodings with the letters of their languages, the likeliest first."""

LATIN: Final = frozenset(encoding for encoding, _ in _LANGUAGES)

_SIGNS: Final = re.compile(r"[\u00a0\u00ad‘’‚“”„†‡•…–—‹›«»¡¿°§©®™€£¥¢µ±×÷·¼½¾‰ªº²³¹´˙¬]|(?<![^\W\d_])[²³¹]")
_CONTROLS: Final = {0xDC00 + byte: byte for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}
MAX_CONTROL_SHARE: Final = 0.01


def guess_latin(data: bytes, only: str | None = None) -> str | None:
    """Return the text, if it is in a language that uses the Latin alphabet; None where none fits.

    :param only: try this encoding alone.
    """
    for encoding, languages in _LANGUAGES:
        if only not in (None, encoding):
            continue
        try:
            text = decode_windows_1252(data) if encoding == "cp1252" else data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _fits(text, languages):
            return None if encoding == "cp1254" and only is None and _fits_icelandic(data) else text
    return None


def _fits_icelandic(data: bytes) -> bool:
    """Return whether Turkish may be Icelandic as well, whose ð, ý and þ are bytes of Turkish letters."""
    return _fits(data.decode("cp1252", "replace"), (_ICELANDIC,))


def decode_windows_1252(data: bytes) -> str:
    """Decode as browsers do: bytes that the code page lacks are control characters."""
    text = data.decode("cp1252", "surrogateescape").translate(_CONTROLS)
    if re.search("[\udc80-\udcff]", text):
        raise UnicodeDecodeError("cp1252", data, 0, 1, "it holds bytes that are none")
    return text


def _fits(text: str, languages: tuple[str, ...]) -> bool:
    controls = len(re.findall(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]", text))
    if controls > MAX_CONTROL_SHARE * len(text) or is_misplaced(text):
        return False
    letters = set(re.sub(r"[\x00-\x9f]", "", _SIGNS.sub("", text)).lower())
    return any(letters <= set(language) for language in languages)
