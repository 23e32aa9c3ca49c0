"""JSON as providers write it: also with NaN, broken UTF-8 or halves of surrogate pairs."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

__all__ = ["BYTE_ORDER_MARK", "SurrogateJoiner", "is_json", "mended", "read_json"]

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def read_json(data: bytes) -> Any:
    """Read JSON; None where it is none. Texts may hold lone surrogates where `data` escapes them."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _read_leniently(data)


def is_json(data: bytes) -> bool:
    """Return whether this is whole JSON other than null."""
    return read_json(data) is not None


def mended(text: str) -> str:
    """Join the halves of surrogate pairs, and replace a lone half by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _read_leniently(data: bytes) -> Any:
    data = data.removeprefix(BYTE_ORDER_MARK)
    if not data.lstrip().startswith((b"{", b"[", b'"')):
        return None
    try:
        return json.loads(data.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None


class SurrogateJoiner:
    """A joiner of the halves of surrogate pairs that come in two pieces of text."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending = ""
        """The first half of a pair, whose other half has not come."""

    def feed(self, text: str) -> str:
        """Return the text that is whole."""
        if text.isascii() and not self.pending:
            return text
        text, self.pending = self.pending + text, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self.pending = text[:-1], text[-1]
        return mended(text)

    def end(self) -> str:
        """Return what stands for a half that stayed alone."""
        rest, self.pending = self.pending, ""
        return mended(rest)
