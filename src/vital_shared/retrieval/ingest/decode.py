"""Bytes to text, whatever the encoding."""

from __future__ import annotations

import codecs

from vital_shared.errors import IngestError

__all__ = ["decode"]

# UTF-32's mark begins with UTF-16's, so it comes first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

MAX_CONTROL_SHARE = 0.01
"""Of the characters; text has next to none, random bytes have a tenth."""


def decode(data: bytes, *, uri: str, declared: str | None = None) -> str:
    """Return the text of `data`.

    A byte-order mark decides, then what the document declares, then UTF-8, then Windows-1252, and
    last Latin-1, which takes anything.

    :raises IngestError: when it is not text at all.
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    candidates = [marked] if marked else [declared, "utf-8", "cp1252", "latin-1"]
    for encoding in candidates:
        text = _try(data, encoding)
        if text is not None:
            break
    else:
        raise IngestError(f"{uri} begins as {marked} but is not: save it as UTF-8.", path=uri)
    if _is_binary(text):
        raise IngestError(f"{uri} holds binary data and not text: check the file and its suffix.", path=uri)
    return text


def _try(data: bytes, encoding: str | None) -> str | None:
    if encoding is None:
        return None
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):  # the next encoding is tried
        return None


def _is_binary(text: str) -> bool:
    controls = sum(map(text.count, map(chr, [*range(9), *range(14, 32), *range(127, 133), *range(134, 160)])))
    return "\0" in text or controls > MAX_CONTROL_SHARE * len(text)
