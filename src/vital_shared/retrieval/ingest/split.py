"""Texts that are too long for one chunk, cut where it hurts least."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from vital_shared.retrieval.ingest.tokens import tokens

__all__ = ["split"]

# Where a text may be cut, best first: lines, sentences, words.
_CUTS = (
    re.compile(r"\n+"),
    re.compile(r"""(?<=[.!?\u2026])["'\u201d\u2019)\]]*\s+|(?<=[\u3002\uff01\uff1f])"""),  # and Chinese ones
    re.compile(r"\s+"),
)

SLICE_CHARACTERS = 100
"""Characters of a slice of a text without any spaces, 300 tokens at most."""


def _fits(text: str, limit: int) -> bool:
    """Return whether `text` has at most `limit` tokens, without counting a text that is far too long."""
    return len(text) <= 20 * limit and tokens(text) <= limit


def split(text: str, *, aim: int, limit: int) -> list[str]:
    """Return `text` whole if it has at most `limit` tokens, else as pieces of about `aim` tokens.

    Joined again, the pieces are the text but for the spaces at the cuts.
    """
    if _fits(text, limit):
        return [text]
    return [piece.strip() for piece in _joined(_parts(text, limit), aim, limit) if piece.strip()]


def _joined(parts: Iterable[str], aim: int, limit: int) -> Iterator[str]:
    """Join neighbours until they reach the aim; a short rest joins the piece before it if it may."""
    pieces: list[list[str]] = [[]]
    size = 0
    for part in parts:
        cost = tokens(part)
        if pieces[-1] and size + cost > aim:
            pieces.append([])
            size = 0
        pieces[-1].append(part)
        size += cost
    *whole, rest = map("".join, pieces)
    if whole and size <= aim // 4 and _fits(whole[-1] + rest, limit):
        whole[-1] += rest
        return iter(whole)
    return iter([*whole, rest])


def _parts(text: str, limit: int, level: int = 0) -> Iterator[str]:
    """Cut no deeper than each part needs to have at most `limit` tokens."""
    if _fits(text, limit):
        yield text
    elif level == len(_CUTS):
        yield from (text[start : start + SLICE_CHARACTERS] for start in range(0, len(text), SLICE_CHARACTERS))
    else:
        start = 0
        for cut in _CUTS[level].finditer(text):
            yield from _parts(text[start : cut.end()], limit, level + 1)
            start = cut.end()
        yield from _parts(text[start:], limit, level + 1)
