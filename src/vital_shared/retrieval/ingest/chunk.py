"""Blocks to chunks: pieces that are small enough to embed and whole enough to read.

Every chunk belongs to one section. Within it, paragraphs, items and rows are put together, each on
a line of its own, until there are about 120 to 160 words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, NamedTuple

from vital_shared.models.knowledge import Chunk
from vital_shared.retrieval.ingest.blocks import Block, Kind, Place
from vital_shared.retrieval.ingest.split import split
from vital_shared.retrieval.ingest.tokens import shorten, tokens

__all__ = ["MAX_TOKENS", "chunk_blocks", "without_repeats"]

TARGET_TOKENS = 280
"""About 150 words of English, as `tokens` estimates them."""

MAX_TOKENS = 340
"""Tokens of a chunk: with title and section below the models' 512, even where the estimate is a third low."""

SMALL_TOKENS = 60
"""About 30 words; what is smaller joins its neighbour of the same section."""

MAX_SECTION_TOKENS = 60

_PLACE: Final = re.compile(r"(?:^| \()(?:page|row)s? [\d\u2013]+\)?$", re.IGNORECASE)


class _ChunkPiece(NamedTuple):
    kind: Kind
    """The kind of its end."""

    text: str
    size: int
    """In tokens, which add up over lines."""

    first: Place | None
    last: Place | None


def chunk_blocks(blocks: Iterable[Block]) -> tuple[Chunk, ...]:
    """Return the chunks of a document, in its order.

    A lead-in, which ends in a colon, stays with what it leads to.
    """
    chunks: list[Chunk] = []
    for headings, members in groupby(blocks, key=lambda block: block.headings):
        section = _section(headings)
        for piece in _pack(_units(_pieces(members))):
            placed = _placed(section, piece.first, piece.last)
            chunks.append(Chunk(section=placed, text=piece.text))
    return tuple(chunks)


def without_repeats(chunks: Iterable[Chunk]) -> tuple[Chunk, ...]:
    """Drop what a document says again under the same headings, on whatever page."""
    kept: dict[tuple[str, str], Chunk] = {}
    for chunk in chunks:
        kept.setdefault((_PLACE.sub("", chunk.section), chunk.text), chunk)
    return tuple(kept.values())


def _placed(section: str, first: Place | None, last: Place | None) -> str:
    """Return a section with where in the document it is: ``Dosage (pages 7\u20138)``, ``Page 7``."""
    if first is None or last is None:
        return section
    more = last.number != first.number
    place = f"{first.kind}s {first.number}\u2013{last.number}" if more else f"{first.kind} {first.number}"
    return f"{section} ({place})" if section else place.capitalize()


def _section(headings: tuple[str, ...]) -> str:
    """Join the headings; where they are too long together, the upper ones go."""
    for start in range(len(headings)):
        section = " > ".join(headings[start:])
        if tokens(section) <= MAX_SECTION_TOKENS:
            return section
    return shorten(headings[-1], MAX_SECTION_TOKENS) if headings else ""


def _pieces(blocks: Iterable[Block]) -> Iterator[_ChunkPiece]:
    for block in blocks:
        for text in split(block.text, aim=TARGET_TOKENS, limit=MAX_TOKENS):
            yield _ChunkPiece(block.kind, text, tokens(text), block.place, block.place)


def _units(pieces: Iterable[_ChunkPiece]) -> Iterator[_ChunkPiece]:
    """Join each lead-in with the piece after it, and with as much of a list or table as there is room for."""
    unit: _ChunkPiece | None = None
    alone = leading = False
    for piece in pieces:
        room = MAX_TOKENS if alone else TARGET_TOKENS
        goes_on = alone or (piece.kind in {"item", "row"} and unit is not None and piece.kind == unit.kind)
        if unit is not None and leading and goes_on and unit.size + piece.size <= room:
            unit, alone = _join(unit, piece), False
            continue
        if unit is not None:
            yield unit
        unit, alone = piece, True
        leading = piece.text.endswith((":", "\uff1a"))  # and the one of Chinese
    if unit is not None:
        yield unit


def _join(first: _ChunkPiece, second: _ChunkPiece) -> _ChunkPiece:
    text = f"{first.text}\n{second.text}"
    return _ChunkPiece(second.kind, text, first.size + second.size, first.first, second.last)


def _pack(units: Iterable[_ChunkPiece]) -> list[_ChunkPiece]:
    """Fill chunks up to the target, further only to spare a small rest."""
    packed: list[_ChunkPiece] = []
    for unit in units:
        room = MAX_TOKENS if packed and packed[-1].size <= SMALL_TOKENS else TARGET_TOKENS
        if packed and packed[-1].size + unit.size <= room:
            packed[-1] = _join(packed[-1], unit)
        else:
            packed.append(unit)
    if (
        len(packed) > 1
        and packed[-1].size <= SMALL_TOKENS
        and packed[-2].size + packed[-1].size <= MAX_TOKENS
    ):
        packed[-2:] = [_join(*packed[-2:])]
    return packed
