"""Blocks to chunks: pieces that are small enough to embed and whole enough to read.

Every chunk belongs to one section. Within it, paragraphs, items and rows are put together, each on
a line of its own, until there are about 120 to 160 words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from vital_shared.models.knowledge import Chunk
from vital_shared.retrieval.ingest.blocks import Block
from vital_shared.retrieval.ingest.split import fits, split
from vital_shared.retrieval.ingest.tokens import shorten, tokens

__all__ = ["MAX_TOKENS", "chunk_blocks"]

TARGET_TOKENS = 280
"""About 150 words of English, as `tokens` estimates them."""

MAX_TOKENS = 340
"""With title and section still below the models' 512, also where the estimate is a third too low."""

SMALL_TOKENS = 60
"""About 30 words; what is smaller joins its neighbour of the same section."""

MAX_SECTION_TOKENS = 60


def chunk_blocks(blocks: Iterable[Block]) -> tuple[Chunk, ...]:
    """Return the chunks of a document, in its order; a chunk that the document repeats is left out.

    A lead-in, which ends in a colon, stays with what it leads to.
    """
    chunks: dict[Chunk, None] = {}
    for headings, members in groupby(blocks, key=lambda block: block.headings):
        section = _section(headings)
        for text in _pack(_units(list(_pieces(members)))):
            chunks[Chunk(section=section, text=text)] = None
    return tuple(chunks)


def _section(headings: tuple[str, ...]) -> str:
    """Join the headings; where they are too long together, the upper ones go."""
    for start in range(len(headings)):
        section = " > ".join(headings[start:])
        if tokens(section) <= MAX_SECTION_TOKENS:
            return section
    return shorten(headings[-1], MAX_SECTION_TOKENS) if headings else ""


def _pieces(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        for text in split(block.text, aim=TARGET_TOKENS, limit=MAX_TOKENS):
            yield block._replace(text=text)


def _units(pieces: list[Block]) -> Iterator[str]:
    """Join each lead-in with the piece after it, and with as much of a list or table as there is room for."""
    start = 0
    while start < len(pieces):
        end = start + 1
        text = pieces[start].text
        while end < len(pieces) and _belongs(pieces[start:end], pieces[end], text):
            text = f"{text}\n{pieces[end].text}"
            end += 1
        yield text
        start = end


def _belongs(unit: list[Block], piece: Block, text: str) -> bool:
    if not unit[0].text.endswith((":", "\uff1a")):  # and the one of Chinese
        return False
    first = len(unit) == 1
    goes_on = piece.kind in {"item", "row"} and piece.kind == unit[-1].kind
    return (first or goes_on) and fits(f"{text}\n{piece.text}", MAX_TOKENS if first else TARGET_TOKENS)


def _pack(units: Iterable[str]) -> list[str]:
    """Fill chunks up to the target, further only to spare a small rest."""
    packed: list[str] = []
    for unit in units:
        room = MAX_TOKENS if packed and fits(packed[-1], SMALL_TOKENS) else TARGET_TOKENS
        if packed and fits(f"{packed[-1]}\n{unit}", room):
            packed[-1] = f"{packed[-1]}\n{unit}"
        else:
            packed.append(unit)
    if len(packed) > 1 and fits(packed[-1], SMALL_TOKENS) and fits(f"{packed[-2]}\n{packed[-1]}", MAX_TOKENS):
        packed[-2:] = [f"{packed[-2]}\n{packed[-1]}"]
    return packed
