"""The whole index at one moment, and the search in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vital_shared.retrieval.index.postings import Matches, Postings
from vital_shared.retrieval.index.segment import Segment, join
from vital_shared.retrieval.index.word_codes import question_codes
from vital_shared.store.tables import SHARED

__all__ = ["MAX_DEAD_SHARE", "Part", "Snapshot"]

SATURATION: Final = 1.2
"""k1 of BM25: how soon more of a word counts no more."""
LENGTH_SHARE: Final = 0.75
"""b of BM25: how far a long text has to have a word more often."""

MAX_QUERY_WORDS: Final = 64

MAX_DEAD_SHARE: Final = 0.25
"""A part of which more is deleted is crowded."""


class Part(NamedTuple):
    """A segment, and which of its chunks have not been deleted since."""

    segment: Segment
    alive: NDArray[np.bool_]
    name: str = ""
    """The name of its folder; empty: it is in memory only."""

    @property
    def dead_share(self) -> float:
        """The part of the rows that is deleted."""
        return 1 - float(self.alive.mean())

    @property
    def dead_ids(self) -> NDArray[np.int64]:
        """The deleted chunks."""
        dead: NDArray[np.int64] = self.segment.ids[~self.alive]
        return dead

    def owned_by(self, tenant_id: str) -> NDArray[np.bool_]:
        """Return which rows belong to a tenant, or to all."""
        return self.segment.owned_by(tenant_id, SHARED)

    def without(self, ids: NDArray[np.int64]) -> Part:
        """Return it with some more chunks deleted, those that it has."""
        places = np.searchsorted(self.segment.ids, ids)
        found = places < len(self.segment.ids)
        found[found] = self.segment.ids[places[found]] == ids[found]
        if not found.any():
            return self
        alive = self.alive.copy()
        alive[places[found]] = False
        return self._replace(alive=alive)


class Snapshot(NamedTuple):
    """The state that a search reads; never changed, so that a search and a refresh may overlap."""

    version: int = -1
    """The version of the store; all that was committed up to it is here."""
    last_id: int = 0
    """The last id of the chunks that were read; the store never gives a number twice."""
    parts: tuple[Part, ...] = ()
    """By ascending ids."""
    generation: int = 0
    """The generation on disk; 0: nothing is there."""

    @property
    def unsaved_rows(self) -> int:
        """The number of chunks that are in memory only."""
        return sum(len(part.segment.ids) for part in self.parts if not part.name)

    @property
    def is_crowded(self) -> bool:
        """Whether so much of a part on disk is deleted that it is better written anew."""
        return any(part.name and part.dead_share > MAX_DEAD_SHARE for part in self.parts)

    def added(self, segment: Segment, *, after_id: int) -> Snapshot:
        """Return it with a segment more.

        Parts in memory that begin after `after_id` are joined as soon as the later one is half as large, so
        that there are few, and each row is copied a few times only.
        """
        parts = [*self.parts, Part(segment, np.ones(len(segment.ids), bool))]
        while len(parts) > 1 and _may_join(parts[-2], after_id) and 2 * _rows(parts[-1]) >= _rows(parts[-2]):
            parts[-2:] = [joined_in_memory(parts[-2:])]
        return self._replace(parts=tuple(parts), last_id=int(segment.ids[-1]))

    def without(self, ids: Collection[int]) -> Snapshot:
        """Return it with chunks deleted; those that it does not have are passed over."""
        gone = np.fromiter(ids, np.int64, len(ids))
        return self._replace(parts=tuple(part.without(gone) for part in self.parts))

    def only(self, ids: Collection[int]) -> Snapshot:
        """Return it with all other chunks deleted."""
        kept = np.fromiter(ids, np.int64, len(ids))
        return self._replace(
            parts=tuple(part._replace(alive=np.isin(part.segment.ids, kept)) for part in self.parts)
        )

    def with_rest_of(self, newer: Snapshot) -> Snapshot:
        """Return this, which was read from disk, with what the other one has in memory after it.

        Its version is the older of the two: what was deleted since has to be read again.
        """
        gone = [part.dead_ids for part in newer.parts]
        snapshot = self.without(np.concatenate(gone).tolist()) if gone else self
        rest = [part for part in newer.parts if part.segment.ids[-1] > self.last_id]
        if (
            any(part.name or part.segment.ids[0] <= self.last_id for part in rest)
            or newer.last_id <= self.last_id
        ):
            return snapshot._replace(version=min(self.version, newer.version))
        return Snapshot(
            version=min(self.version, newer.version),
            last_id=newer.last_id,
            parts=(*snapshot.parts, *rest),
            generation=self.generation,
        )

    def in_place_of(self, newer: Snapshot) -> Snapshot:
        """Return this, which was written while `newer` grew out of the same, with what came since."""
        snapshot = self.with_rest_of(newer)
        if snapshot.last_id == newer.last_id:
            return snapshot._replace(version=newer.version)
        return snapshot

    def nearest(
        self, vector: NDArray[np.float32], *, tenant_id: str, limit: int, also: Collection[int] = ()
    ) -> dict[int, float]:
        """Map the ids of at most `limit` chunks that the tenant may see to their cosines, exactly.

        :param vector: normalised.
        :param also: ids whose cosines are wanted however far they are.
        """
        found: dict[int, float] = {}
        wanted: dict[int, float] = {}
        for part in self.parts:
            visible = part.alive & part.owned_by(tenant_id) & part.segment.is_embedded
            # Not a threaded product of a matrix, which costs five times the CPU where others want the cores.
            products = np.vecdot(part.segment.matrix, vector)
            cosines = np.where(visible, products, -np.inf)
            found |= _scored(part, _best(cosines, limit), cosines)
            wanted |= _scored(part, np.flatnonzero(np.isin(part.segment.ids, list(also))), cosines)
        best = sorted(found, key=lambda chunk_id: -found[chunk_id])[:limit]
        return {chunk_id: found[chunk_id] for chunk_id in best} | wanted

    def keyword_search(self, query: str, *, tenant_id: str, limit: int) -> dict[int, float]:
        """Map the ids of at most `limit` chunks that have words of the query to their scores (BM25).

        How rare a word is, is counted in what the tenant may see: what others have changes nothing.
        """
        languages = sorted({language for part in self.parts for language in part.segment.postings.languages})
        codes = question_codes(query, languages, most_words=MAX_QUERY_WORDS)
        seen = [_Seen(part.segment.postings, part.alive & part.owned_by(tenant_id)) for part in self.parts]
        number = sum(each.number for each in seen)
        if not codes or not number:
            return {}
        mean_length = sum(each.words for each in seen) / number
        scores = [np.zeros(len(part.alive), np.float32) for part in self.parts]
        norms = [each.norms(mean_length) for each in seen]
        for code in codes:
            matches = [each.matches(code) for each in seen]
            having = sum(len(each.rows) for each in matches)
            rarity = np.float32(np.log1p((number - having + 0.5) / (having + 0.5)))
            for (rows, counts), norm, score in zip(matches, norms, scores, strict=True):
                score[rows] += rarity * counts * (SATURATION + 1) / (counts + norm[rows])
        found: dict[int, float] = {}
        for part, score in zip(self.parts, scores, strict=True):
            found |= _scored(part, _best(np.where(score > 0, score, -np.inf), limit), score)
        best = sorted(found, key=lambda chunk_id: (-found[chunk_id], chunk_id))[:limit]
        return {chunk_id: found[chunk_id] for chunk_id in best}


class _Seen:
    """The words of a segment that a tenant may see."""

    def __init__(self, postings: Postings, visible: NDArray[np.bool_]) -> None:
        self._postings = postings
        self._visible = visible
        self.number = int(visible.sum())
        """The number of visible rows."""
        self.words = int(postings.lengths[visible].sum())

    def matches(self, code: int) -> Matches:
        """Return the rows that have a word."""
        matches = self._postings.matches(code)
        if self.number == len(self._visible):
            return matches
        mask = self._visible[matches.rows]
        return Matches(matches.rows[mask], matches.counts[mask])

    def norms(self, mean_length: float) -> NDArray[np.float32]:
        """Return by how much the length of each row dampens its words."""
        share = self._postings.lengths / np.float32(max(mean_length, 1))
        norms: NDArray[np.float32] = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * share.astype(np.float32))
        return norms


def joined_in_memory(parts: Sequence[Part]) -> Part:
    """Put parts together, without what is deleted."""
    segment = join([part.segment for part in parts], [part.alive for part in parts])
    return Part(segment, np.ones(len(segment.ids), bool))


def _rows(part: Part) -> int:
    return len(part.segment.ids)


def _may_join(part: Part, after_id: int) -> bool:
    return not part.name and bool(_rows(part)) and int(part.segment.ids[0]) > after_id


def _best(scores: NDArray[np.float32], limit: int) -> NDArray[np.int64]:
    """Return the places of the highest scores, of those above minus infinity."""
    limit = min(limit, len(scores))
    places = np.argpartition(-scores, limit - 1)[:limit] if limit else np.zeros(0, np.int64)
    best: NDArray[np.int64] = places[scores[places] > -np.inf]
    return best


def _scored(part: Part, places: NDArray[np.int64], scores: NDArray[np.float32]) -> dict[int, float]:
    return {int(part.segment.ids[place]): float(scores[place]) for place in places if scores[place] > -np.inf}
