"""The passages of all sources, as one list: merged, deduplicated, reranked, and judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from vital_shared.models.citation import Passage
from vital_shared.models.retrieval_tuning import RetrievalTuning
from vital_shared.retrieval.base import Retrieved
from vital_shared.retrieval.language import load_for
from vital_shared.retrieval.missing_models import MissingModels
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.retrieval.tunings import Tunings, tuning_for
from vital_shared.retrieval.words import (
    content_words,
    coverage,
    dates_and_denials,
    names,
    numbers,
    spelt_numbers,
)

if TYPE_CHECKING:
    from vital_shared.retrieval.rerank import Scorer

__all__ = ["CANDIDATES_PER_PASSAGE", "Fusion"]

CANDIDATES_PER_PASSAGE: Final = 4
"""Passages that each source is asked for, for each one that is wanted in the end."""

ANSWERABLE_COVERAGE: Final = 0.5
"""The gate without a reranker: the share of the question's content words that one passage has."""

ROUNDS: Final = ((2, 3.0), (4, 1.0), (8, -math.inf))
"""Rounds of reranking: passages reranked in all, and the logit of the best of them from which on that is
enough. Each passage costs 20 to 80 ms, and mostly the right one is among the first."""

LOGITS_PER_FUSED_SCORE: Final = 8.0
"""Logits that a passage that is not reranked is taken to lose with each 1.0 of its fused score: about as much
as lies between a source's best passages and those that have nothing to do with the question."""

KEPT_PASSAGES: Final = 1_024
"""Passages whose particulars are kept: a question looks at each twice, and the next one at many of them."""

SAME_WORDS: Final = 0.9
"""The share of the shorter one's words from which two passages say the same (overlapping chunks, copies)."""


class Fusion:
    """The merge of the sources' passages.

    :param reranker: None: the sources' own scores order the passages, and shared words open the gate.
    :param tunings: None: the shipped tuning orders the passages of all tenants.
    :param missing: the embedded models that are not installed; None: all are, or none are wanted.
    """

    def __init__(
        self, reranker: Scorer | None, tunings: Tunings | None = None, missing: MissingModels | None = None
    ) -> None:
        self._reranker = reranker
        self._tunings = tunings
        self._missing = missing

    async def merge(
        self, query: str, found: Mapping[str, Sequence[Passage]], *, limit: int, tenant_id: str | None = None
    ) -> Retrieved:
        """Return at most `limit` passages of all sources, best first, and whether they may hold an answer.

        :param found: the passages of each source, by its name, best first.
        :param tenant_id: the tenant whose tuning orders them; None: the one for all tenants.
        :raises ConfigurationError: when the reranking model cannot be loaded.
        :raises StoreError: when the tuning cannot be read.
        """
        if self._missing is not None:
            self._missing.note_search()
        tuning = await tuning_for(tenant_id, self._tunings)
        return await self.merge_by(tuning, query, found, limit=limit)

    async def merge_by(
        self,
        tuning: RetrievalTuning,
        query: str,
        found: Mapping[str, Sequence[Passage]],
        *,
        limit: int,
    ) -> Retrieved:
        """Merge as `merge` does, by this tuning in place of the one in force.

        :raises ConfigurationError: when the reranking model cannot be loaded.
        """
        await load_for(query, *(passage.text for passages in found.values() for passage in passages))
        candidates = _without_copies(_fused(found), max(ROUNDS[-1][0], limit))
        if self._reranker is None:
            answerable = _has_words(query, candidates[:limit])
            return Retrieved(passages=tuple(candidates[:limit]), answerable=answerable, tuning=tuning)
        scored = await self._reranked(self._reranker, query, candidates)
        if not scored:
            return Retrieved(tuning=tuning)
        top_logit = max(passage.score for passage in scored)
        best = _weighed(scored, candidates, tuning.source_weight)
        return Retrieved(
            passages=(*best, *_on_the_scale_of(best, candidates[len(scored) - 1 :]))[:limit],
            answerable=top_logit >= tuning.answerable_logit,
            top_logit=top_logit,
            tuning=tuning,
        )

    @staticmethod
    async def _reranked(reranker: Scorer, query: str, candidates: Sequence[Passage]) -> list[Passage]:
        """Score the first passages, from the top until one is near enough."""
        scored: list[Passage] = []
        for most, near in ROUNDS:
            some = candidates[len(scored) : most]
            logits = await reranker.score(query, [passage_text(p.title, p.section, p.text) for p in some])
            scored += [p.model_copy(update={"score": float(x)}) for p, x in zip(some, logits, strict=True)]
            if len(scored) < most or max(passage.score for passage in scored) >= near:
                break
        return scored


def _fused(found: Mapping[str, Sequence[Passage]]) -> list[Passage]:
    """Order by score, each source's own scaled so that its best is 1; what several found adds up."""
    scores: dict[tuple[str, frozenset[str]], float] = {}
    passages: dict[tuple[str, frozenset[str]], Passage] = {}
    for source in found.values():
        top = max((passage.score for passage in source), default=0.0)
        for rank, passage in enumerate(source, start=1):
            share = passage.score / top if top > 0 else 1 / rank  # a source without scores gives an order
            key = (" ".join(passage.text.split()), _particulars(passage))
            scores[key] = scores.get(key, 0.0) + share
            passages.setdefault(key, passage)
    order = sorted(scores, key=lambda key: -scores[key])
    return [passages[key].model_copy(update={"score": scores[key]}) for key in order]


def _weighed(
    reranked: Sequence[Passage], candidates: Sequence[Passage], source_weight: float
) -> list[Passage]:
    """Order by logit, less what the passage's fused score lags behind the best one's.

    :param reranked: the first of the candidates, with logits.
    :param candidates: with fused scores, best first.
    """
    lowered = [
        passage.model_copy(
            update={"score": passage.score - source_weight * (candidates[0].score - candidate.score)}
        )
        for passage, candidate in zip(reranked, candidates, strict=False)
    ]
    return sorted(lowered, key=lambda passage: -passage.score)


def _on_the_scale_of(reranked: Sequence[Passage], following: Sequence[Passage]) -> list[Passage]:
    """Give passages that were not reranked logits too: as far below the last one as their fused scores are.

    :param reranked: best first, with logits.
    :param following: in their order, with fused scores, after the last that was reranked.
    """
    last, fused = reranked[-1].score, following[0].score
    return [
        passage.model_copy(update={"score": last - LOGITS_PER_FUSED_SCORE * (fused - passage.score)})
        for passage in following[1:]
    ]


class _Said(NamedTuple):
    """The words of a passage by which it is compared."""

    words: frozenset[str]
    particulars: frozenset[str]

    def repeats(self, other: _Said) -> bool:
        """Return whether this says nearly the same as the other, and no number or name that it has not."""
        shorter = max(1, min(len(self.words), len(other.words)))
        return len(self.words & other.words) >= SAME_WORDS * shorter and self.particulars <= other.particulars


def _without_copies(passages: Sequence[Passage], most: int) -> list[Passage]:
    """Take the first passages, but for what says nearly the same as a better one."""
    kept: list[tuple[Passage, _Said]] = []
    for passage in passages:
        if len(kept) == most:
            break
        said = _Said(content_words(passage.text), _particulars(passage))
        if not any(said.repeats(other) for _, other in kept):
            kept.append((passage, said))
    return [passage for passage, _ in kept]


def _particulars(passage: Passage) -> frozenset[str]:
    """Return a passage's numbers, dates, names and denials: notices of two years differ in little else."""
    return _particulars_of(passage.title, passage.section, passage.text)


@lru_cache(maxsize=KEPT_PASSAGES)
def _particulars_of(*parts: str) -> frozenset[str]:
    return frozenset().union(
        *(each(part) for part in parts for each in (numbers, spelt_numbers, names, dates_and_denials))
    )


def _has_words(query: str, passages: Sequence[Passage]) -> bool:
    wanted = content_words(query)
    return any(coverage(wanted, f"{p.title} {p.section} {p.text}") >= ANSWERABLE_COVERAGE for p in passages)
