"""One file to its chunks."""

from __future__ import annotations

import re
from threading import Event
from typing import NamedTuple

from vital_shared.errors import IngestError
from vital_shared.models.knowledge import Chunk
from vital_shared.retrieval.ingest.chunk import chunk_blocks, without_repeats
from vital_shared.retrieval.ingest.limits import Limits
from vital_shared.retrieval.ingest.parse import parse

__all__ = ["Contents", "read"]

_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?(?P<name>[\w.:-]+)""", re.IGNORECASE)


class Contents(NamedTuple):
    """A document's title, and its chunks without embeddings."""

    title: str
    chunks: tuple[Chunk, ...]
    notes: tuple[str, ...] = ()
    """Sentences for the user: what of the document was not read."""


def read(
    data: bytes,
    *,
    uri: str,
    media_type: str,
    declared: str | None,
    limits: Limits,
    stop: Event | None = None,
) -> Contents:
    """Parse a file and split it.

    :param declared: the media type with its parameters, of which the charset is used.
    :param stop: ends the work between parsing and splitting, for callers that read in a thread.
    :raises IngestError: when it cannot be read, holds no text or has too many pages or chunks.
    """
    charset = _CHARSET.search(declared or "")
    parsed = parse(
        data,
        uri=uri,
        media_type=media_type,
        charset=charset["name"] if charset else None,
        max_pages=limits.pages,
        seconds=limits.seconds,
    )
    if stop is not None and stop.is_set():
        raise IngestError(f"{uri} was not read to its end.", path=uri)
    chunks = without_repeats(chunk_blocks(parsed.blocks))
    if not chunks:
        raise IngestError(f"{uri} holds no text: there is nothing to store.", path=uri)
    if len(chunks) > limits.chunks:
        raise IngestError(
            f"{uri} makes {len(chunks)} chunks, the limit is {limits.chunks}: split it.", path=uri
        )
    return Contents(parsed.title, chunks, parsed.notes)
