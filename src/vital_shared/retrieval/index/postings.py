"""The rows of each word, as arrays: a small inverted index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vital_shared.retrieval.index.word_codes import LANGUAGE_CODES, language_in, word_codes
from vital_shared.retrieval.language import ENGLISH

__all__ = ["Allocate", "Matches", "Postings"]

HALVES_IN_TITLE: Final = 4
"""The weight of a word in a title, in halves: 2; a word of the text counts 1."""
HALVES_IN_SECTION: Final = 3
HALVES_IN_TEXT: Final = 2
MAX_HALVES: Final = 255

BLOCK: Final = 1_000_000
"""Postings copied at once, so that joining two large indexes takes little memory beside them."""


class Allocate(Protocol):
    """A maker of arrays that are yet to be filled, in memory or in a file."""

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any, /) -> NDArray[Any]:
        """Return it; `name` is its own among those of a segment."""
        ...


class Matches(NamedTuple):
    """The rows that have a word."""

    rows: NDArray[np.int32]
    counts: NDArray[np.float32]
    """Occurrences of the word, weighted by place."""


class Postings(NamedTuple):
    """The rows of each word, with their number of occurrences.

    Words are 64-bit codes: a collision of two among a million is as likely as one in thirty million.
    """

    codes: NDArray[np.uint64]
    """Codes of the words, ascending."""
    starts: NDArray[np.int64]
    """The starts of each word's postings, and the end of the last ones."""
    rows: NDArray[np.int32]
    halves: NDArray[np.uint8]
    """Occurrences of the word in the row, weighted, in halves."""
    lengths: NDArray[np.int32]
    """The number of words of each row."""

    def matches(self, code: int) -> Matches:
        """Return the rows of a word, ascending."""
        place = int(np.searchsorted(self.codes, np.uint64(code)))
        if place == len(self.codes) or self.codes[place] != code:
            return Matches(np.zeros(0, np.int32), np.zeros(0, np.float32))
        part = slice(int(self.starts[place]), int(self.starts[place + 1]))
        return Matches(self.rows[part], self.halves[part] * np.float32(0.5))

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the rows that are not in English."""
        wanted = np.fromiter(LANGUAGE_CODES.values(), np.uint64)
        places = np.searchsorted(self.codes, wanted)
        found = np.zeros(len(wanted), bool)
        inside = places < len(self.codes)
        found[inside] = self.codes[places[inside]] == wanted[inside]
        return tuple(compress(LANGUAGE_CODES, found))

    @classmethod
    def of(cls, texts: Sequence[tuple[str, str, str]]) -> Postings:
        """Index rows, each a title, a section and a text; words are cut by the language of the text.

        A row in another language than English has the code of its language as one word more.
        """
        weights = (HALVES_IN_TITLE, HALVES_IN_SECTION, HALVES_IN_TEXT)
        fields = [codes for row in texts for codes in _fields(row)]
        sizes = np.fromiter(map(len, fields), np.int64, len(fields))
        codes = np.concatenate([*fields, np.zeros(0, np.uint64)])
        rows = np.repeat(np.arange(len(fields)) // len(weights), sizes)
        halves = np.repeat(np.tile(weights, len(texts)), sizes)
        order = np.lexsort((rows, codes))
        codes, rows, halves = codes[order], rows[order], halves[order]
        is_new = np.ones(len(codes), bool)
        is_new[1:] = (codes[1:] != codes[:-1]) | (rows[1:] != rows[:-1])
        firsts = np.flatnonzero(is_new)
        sums = np.add.reduceat(halves, firsts) if len(firsts) else halves
        distinct, starts = np.unique(codes[firsts], return_index=True)
        return cls(
            codes=distinct,
            starts=np.append(starts, len(firsts)).astype(np.int64),
            rows=rows[firsts].astype(np.int32),
            halves=np.minimum(sums, MAX_HALVES).astype(np.uint8),
            lengths=sizes.reshape(-1, len(weights)).sum(axis=1, dtype=np.int32),
        )

    def only(self, kept: NDArray[np.bool_]) -> Postings:
        """Return the postings of some rows, numbered anew."""
        if kept.all():
            return self
        numbers = np.cumsum(kept, dtype=np.int32) - 1
        mask = kept[self.rows]
        before = np.concatenate([[0], np.cumsum(mask)])
        starts = before[self.starts]
        used = np.diff(starts) > 0
        return Postings(
            codes=self.codes[used],
            starts=np.append(starts[:-1][used], starts[-1]).astype(np.int64),
            rows=numbers[self.rows[mask]],
            halves=self.halves[mask],
            lengths=self.lengths[kept],
        )

    @classmethod
    def joined(cls, parts: Sequence[Postings], allocate: Allocate) -> Postings:
        """Put postings together; the rows of each part come after those of the part before it."""
        distinct = np.unique(np.concatenate([part.codes for part in parts]))
        codes = allocate("codes", distinct.shape, np.uint64)
        codes[:] = distinct
        places = [np.searchsorted(distinct, part.codes) for part in parts]
        starts = allocate("starts", (len(distinct) + 1,), np.int64)
        starts[:] = 0
        for part, place in zip(parts, places, strict=True):
            starts[place + 1] += np.diff(part.starts)
        np.cumsum(starts, out=starts)
        total = int(starts[-1])
        rows = allocate("rows", (total,), np.int32)
        halves = allocate("halves", (total,), np.uint8)
        lengths = allocate("lengths", (sum(len(part.lengths) for part in parts),), np.int32)
        free = np.array(starts[:-1])
        first_row = 0
        for part, place in zip(parts, places, strict=True):
            for block, targets in _moves(part, free[place]):
                rows[targets] = part.rows[block] + np.int32(first_row)
                halves[targets] = part.halves[block]
            free[place] += np.diff(part.starts)
            lengths[first_row : first_row + len(part.lengths)] = part.lengths
            first_row += len(part.lengths)
        return cls(codes, starts, rows, halves, lengths)


def _fields(row: tuple[str, str, str]) -> list[NDArray[np.uint64]]:
    language = language_in(row[-1])
    fields = [word_codes(field, language) for field in row]
    if language != ENGLISH:
        fields[-1] = np.append(fields[-1], np.uint64(LANGUAGE_CODES[language]))
    return fields


def _moves(part: Postings, targets: NDArray[np.int64]) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Give blocks of postings and where they go, when those of each word begin at its target."""
    shifts = targets - part.starts[:-1]
    for first in range(0, len(part.rows), BLOCK):
        block = slice(first, min(first + BLOCK, len(part.rows)))
        low = int(np.searchsorted(part.starts, block.start, side="right")) - 1
        high = int(np.searchsorted(part.starts, block.stop, side="left"))
        bounds = np.clip(part.starts[low : high + 1], block.start, block.stop)
        yield block, np.arange(block.start, block.stop) + np.repeat(shifts[low:high], np.diff(bounds))
