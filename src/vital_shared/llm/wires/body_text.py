"""The body of a provider's answer as UTF-8, however it is compressed and whatever it is written in.

JSON and server-sent events are UTF-8 by their standards (RFC 8259, section 8.1; WHATWG HTML, section 9.2).
Some servers declare another charset all the same, and most of these send UTF-8: bytes that are UTF-8 are read
as such, and others as the declared charset has them.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final, Protocol

import aiohttp

__all__ = ["BodyText", "body_text", "declared_charset", "in_utf8"]

GZIP_NAMES: Final = frozenset({"x-gzip"})
"""Names of gzip (RFC 9110, section 8.4.1.3) beside the one that aiohttp reads by itself."""

UTF_8: Final = "utf-8"

GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS

MAX_INFLATED_BYTES: Final = 256 * 1024
"""The most that one piece of a compressed body is inflated to at a time."""

WIDE_CHARSETS: Final = ("utf-16", "utf-32")
"""Charsets whose line breaks are not those of ASCII, so that their text is converted before it is read."""


class BodyText(Protocol):
    """A body, as it is read: a stream of aiohttp's, or one that converts it."""

    async def readany(self) -> bytes:
        """Return the bytes that have come; empty at the end."""
        ...

    def iter_any(self) -> AsyncIterator[bytes]:
        """Iterate over the bytes that come."""
        ...

    def set_exception(self, exc: BaseException) -> None:
        """Let the reader fail."""
        ...


class _ConvertedBody:
    """A body that is inflated, or whose charset is converted, as it is read."""

    def __init__(self, content: aiohttp.StreamReader, *, is_gzip: bool, charset: str | None) -> None:
        self._content = content
        self._inflater = zlib.decompressobj(GZIP_WINDOW) if is_gzip else None
        self._decoder = None if charset is None else codecs.getincrementaldecoder(charset)("replace")
        self._rest = b""
        """Bytes that have come and are not inflated yet."""
        self._is_over = False

    async def readany(self) -> bytes:
        """Return the bytes that have come; empty at the end.

        :raises aiohttp.ClientPayloadError: when it is not what it was declared to be.
        """
        while not self._is_over:
            data, self._rest = self._rest or await self._content.readany(), b""
            self._is_over = not data
            if converted := self._convert(data):
                return converted
        return b""

    async def iter_any(self) -> AsyncIterator[bytes]:
        """Iterate over the bytes that come."""
        while chunk := await self.readany():
            yield chunk

    def set_exception(self, exc: BaseException) -> None:
        """Let the reader fail."""
        self._content.set_exception(exc)

    def _convert(self, data: bytes) -> bytes:
        if self._inflater is not None and data:
            try:
                data = self._inflate(self._inflater, data)
            except zlib.error as error:
                raise aiohttp.ClientPayloadError(f"The compressed body is broken: {error}") from error
        if self._decoder is None:
            return data
        return self._decoder.decode(data, final=self._is_over).encode("utf-8", "replace")

    def _inflate(self, inflater: zlib._Decompress, data: bytes) -> bytes:
        if inflater.eof:  # several streams in a row are one (RFC 1952, section 2.2)
            self._inflater = inflater = zlib.decompressobj(GZIP_WINDOW)
        inflated = inflater.decompress(data, MAX_INFLATED_BYTES)
        self._rest = inflater.unconsumed_tail or inflater.unused_data
        return inflated


def body_text(response: aiohttp.ClientResponse) -> BodyText:
    """Return the body of an answer, inflated, and in UTF-8 where its charset breaks lines in other bytes."""
    is_gzip = response.headers.get("Content-Encoding", "").strip().lower() in GZIP_NAMES
    charset = declared_charset(response)
    wide = charset if charset is not None and charset.startswith(WIDE_CHARSETS) else None
    if not is_gzip and wide is None:
        return response.content
    return _ConvertedBody(response.content, is_gzip=is_gzip, charset=wide)


def in_utf8(data: bytes, charset: str) -> bytes:
    """Return an event, or a whole body, in UTF-8: as it is, or else by the charset that was declared."""
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        with suppress(UnicodeError):  # of codings that are made for something else, such as names of hosts
            return data.decode(charset, "replace").encode("utf-8", "replace")
    return data


def declared_charset(response: aiohttp.ClientResponse) -> str | None:
    """Return the name of the declared charset, as Python has it; None: it is UTF-8, or none that it knows."""
    declared = response.charset
    if declared is None:
        return None
    try:
        "".encode(declared)  # some codecs are none of texts
        name = codecs.lookup(declared).name
    except (LookupError, ValueError):
        return None
    return None if name == UTF_8 else name
