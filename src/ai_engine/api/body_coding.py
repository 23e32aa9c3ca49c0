"""Content codings of request bodies (RFC 9110, 8.4): some clients compress them to save bandwidth."""

from __future__ import annotations

import zlib
from typing import Final

from starlette.exceptions import HTTPException

__all__ = ["check_coding", "unpack"]

PLAIN: Final = frozenset({"", "identity"})
PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})

GZIP_OR_ZLIB_BITS: Final = 47
"""The window of zlib that reads both formats, whichever comes."""


def check_coding(header: str) -> bool:
    """Return whether a body is packed.

    :param header: the request's ``Content-Encoding``.
    :raises HTTPException: 415 when it is in a coding that is not read, or in several.
    """
    coding = header.strip().lower()
    if coding in PLAIN:
        return False
    if coding in PACKED:
        return True
    raise HTTPException(
        415,
        f'The body\'s Content-Encoding has to be gzip, deflate or nothing, not "{coding[:100]}".',
        {"Accept-Encoding": "gzip, deflate"},
    )


def unpack(body: bytes, limit: int) -> bytes | None:
    """Return the content of a packed body; None: it is larger than the limit, in bytes.

    No more than the limit is ever unpacked.

    :raises HTTPException: 400 when the body is not what its header says, or breaks off.
    """
    pieces, left = list[bytes](), limit + 1
    while body:  # gzip may come in several members
        unpacker = zlib.decompressobj(GZIP_OR_ZLIB_BITS)
        try:
            piece = unpacker.decompress(body, left)
        except zlib.error as error:
            raise _damaged() from error
        pieces.append(piece)
        left -= len(piece)
        if left <= 0:
            return None
        if not unpacker.eof:
            raise _damaged()
        body = unpacker.unused_data
    return b"".join(pieces)


def _damaged() -> HTTPException:
    return HTTPException(400, "The body is not compressed as its Content-Encoding says, or it is incomplete.")
