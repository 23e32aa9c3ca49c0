"""What all sources found, as one list: merged, deduplicated, reranked, and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from vital_shared.models.citation import Passage
from vital_shared.retrieval.base import Retrieved
from vital_shared.retrieval.embedding import passage_text
from vital_shared.retrieval.rerank import Reranker
from vital_shared.retrieval.words import content_words, coverage

__all__ = ["ANSWERABLE_LOGIT", "Fusion"]

ANSWERABLE_LOGIT: Final = -8.0
"""The gate: below it the best passage has nothing to do with the question.

On 156 questions of six fields, 45 of them without an answer, it turned away 17 of the latter (all that
were off topic) and 3 of the former. Higher would cost answers (at -4, 13) and still let through what is
near the topic without the fact, which scored up to 5.6: the composer sees that, sentence by sentence.
"""

ANSWERABLE_COVERAGE: Final = 0.5
"""The gate without a reranker: the share of the question's content words that one passage has."""

RERANKED: Final = 4
"""So many passages are reranked at once, and as many again while none is `CLEAR_LOGIT`: each costs 20 to
60 ms, and mostly the right one is among the first."""

RERANKED_AT_MOST: Final = 8

CLEAR_LOGIT: Final = 1.0
"""A passage that is so near to the question is the right one, mostly: no more need to be looked at."""

SAME_WORDS: Final = 0.9
"""Passages that share so much of the shorter one's words say the same (overlapping chunks, copies)."""


class Fusion:
    """Merges the sources' passages.

    :param reranker: None: the sources' own scores order the passages, and shared words open the gate.
    """

    def __init__(self, reranker: Reranker | None) -> None:
        self._reranker = reranker

    async def merge(self, query: str, found: Mapping[str, Sequence[Passage]], *, limit: int) -> Retrieved:
        """Return at most `limit` passages of all sources, best first, and whether they may hold an answer.

        :param found: the passages of each source, by its name, best first.
        :raises ConfigurationError: when the reranking model cannot be loaded.
        """
        candidates = _without_copies(_fused(found), max(RERANKED_AT_MOST, limit))
        if self._reranker is None:
            answerable = _has_words(query, candidates[:limit])
            return Retrieved(passages=tuple(candidates[:limit]), answerable=answerable)
        best = (await self._reranked(self._reranker, query, candidates, max(RERANKED, limit - 1)))[:limit]
        return Retrieved(passages=best, answerable=bool(best) and best[0].score >= ANSWERABLE_LOGIT)

    @staticmethod
    async def _reranked(
        reranker: Reranker, query: str, candidates: Sequence[Passage], step: int
    ) -> tuple[Passage, ...]:
        """Score the candidates, `step` of them at a time until one is clear, and return them best first."""
        scored: list[Passage] = []
        for start in range(0, max(RERANKED_AT_MOST, step), step):
            some = candidates[start : start + step]
            logits = await reranker.score(query, [passage_text(p.title, p.section, p.text) for p in some])
            scored += [p.model_copy(update={"score": float(x)}) for p, x in zip(some, logits, strict=True)]
            if not some or max(passage.score for passage in scored) >= CLEAR_LOGIT:
                break
        return tuple(sorted(scored, key=lambda passage: -passage.score))


def _fused(found: Mapping[str, Sequence[Passage]]) -> list[Passage]:
    """Order by score, each source's own scaled so that its best is 1; what several found adds up."""
    scores: dict[str, float] = {}
    passages: dict[str, Passage] = {}
    for source in found.values():
        top = max((passage.score for passage in source), default=0.0)
        for rank, passage in enumerate(source, start=1):
            share = passage.score / top if top > 0 else 1 / rank  # a source without scores gives an order
            key = " ".join(passage.text.split())
            scores[key] = scores.get(key, 0.0) + share
            passages.setdefault(key, passage)
    order = sorted(scores, key=lambda key: -scores[key])
    return [passages[key].model_copy(update={"score": scores[key]}) for key in order]


def _without_copies(passages: Sequence[Passage], most: int) -> list[Passage]:
    """Take the first passages, but for what says nearly the same as a better one."""
    kept: list[tuple[Passage, frozenset[str]]] = []
    for passage in passages:
        if len(kept) == most:
            break
        words = content_words(passage.text)
        if not any(_same(words, other) for _, other in kept):
            kept.append((passage, words))
    return [passage for passage, _ in kept]


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= SAME_WORDS * max(1, min(len(one), len(other)))


def _has_words(query: str, passages: Sequence[Passage]) -> bool:
    wanted = content_words(query)
    return any(coverage(wanted, f"{p.title} {p.section} {p.text}") >= ANSWERABLE_COVERAGE for p in passages)
