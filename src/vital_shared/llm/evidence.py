"""The sentences of passages that answer a question, or none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from vital_shared.llm.asking import asked, leans_back
from vital_shared.llm.pieces import Piece, pieces
from vital_shared.models.citation import Passage
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.retrieval.together import together
from vital_shared.retrieval.words import content_words, coverage, names, numbers

if TYPE_CHECKING:
    from vital_shared.retrieval.rerank import Reranker

__all__ = ["select"]

PASSAGES: Final = 3
"""Answers come from the best passages only: `make eval` counts how often the right one is among them."""

JUDGED: Final = 4
"""So many sentences are scored by the cross-encoder at once, and as many again while none is
`CLEAR_LOGIT`: each costs 8 to 25 ms."""

JUDGED_AT_MOST: Final = 12

CLEAR_LOGIT: Final = 2.0
"""A sentence that answers so well needs no better one."""

RANK_COST: Final = 0.15
"""What share of the question's words a sentence must have more to be as promising as one a passage before."""

PASSAGE_WEIGHT: Final = 0.3
"""How much of a passage's lag behind the best one its sentences take over."""

NEXT_BONUS: Final = 1.5
"""What a sentence gains that follows the best one: answers go on."""

NEAR_BEST: Final = 5.0
"""Logits: what is farther behind the best sentence says something else."""

MOST: Final = 5
"""Pieces in an answer."""

FEWEST: Final = 3
"""An answer with fewer gets the sentences around the best one: a fact is often spread over two."""

SUPPORT: Final = -6.9
"""The gate; see `_support`. Set on 156 questions of six fields, 45 of them without an answer, with all
sentences judged at once: it then let through none of those, and turned away 17 of the others, most of which
share hardly a word with their answer. `make eval` tells what it does now to the sample questions."""

UNKNOWN_WEIGHT: Final = 10.0
FOREIGN_WEIGHT: Final = 8.0
WRONG_KIND_WEIGHT: Final = 6.0

FEW_WORDS: Final = 9
"""Fewer do not stand on their own: "Class C: death or serious injury." needs its heading."""

ENOUGH_WORDS: Final = 0.5
"""Without a reranker: the share of the question's content words that a sentence and its headings have."""

_MONEY_QUESTION = re.compile(
    r"\bhow much\b.*\b(?:cost|costs|pay|paid|charge|fee|price|salary|bonus)\b"
    r"|\bhow many (?:dollars|euros|pounds)\b|\bwhat\b.{0,20}\b(?:price|cost|salary|fee)\b",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"[$\u20ac\u00a3\u00a5%]|\b(?:percent|dollars?|euros?|pounds|cents?|crowns|francs|usd|eur|gbp|free)\b"
    r"|\bno (?:\w+ )?(?:fee|charge|cost)",
    re.IGNORECASE,
)
_DATE_QUESTION = re.compile(r"\b(?:what|which) (?:date|year|day)\b", re.IGNORECASE)
_DATE = re.compile(
    r"\b(?:1\d|20)\d\d\b|\b\d{1,2}\b|\b(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)\b"
)


class _Scored(NamedTuple):
    score: float
    piece: Piece


async def select(question: str, passages: Sequence[Passage], reranker: Reranker | None) -> tuple[Piece, ...]:
    """Return the pieces that answer, in reading order; none where the passages do not hold an answer.

    :param passages: best first, with the reranker's scores where there is one.
    :raises ConfigurationError: when the reranking model cannot be loaded.
    """
    best = passages[:PASSAGES]
    candidates = [piece for passage in best for piece in pieces(passage)]
    if not candidates:
        return ()
    if reranker is None:
        return _by_words(question, candidates)
    scored = await _scored(question, best, candidates, reranker)
    best_piece = scored[0].piece
    chosen = _chosen(scored)
    chosen += _around(best_piece, chosen, candidates)
    support = await _support(question, _with_context(best_piece, candidates), passages, reranker)
    if _is_of_wrong_kind(asked(question), "\n".join(piece.text for piece in chosen)):
        support -= WRONG_KIND_WEIGHT
    return _reading_order(chosen) if support >= SUPPORT else ()


async def _scored(
    question: str, passages: Sequence[Passage], candidates: list[Piece], reranker: Reranker
) -> list[_Scored]:
    """Score sentences together with their headings, best first."""
    candidates = _likeliest(question, candidates)
    top = max(passage.score for passage in passages)
    scored: list[_Scored] = []
    for start in range(0, len(candidates), JUDGED):
        some = candidates[start : start + JUDGED]
        logits = await reranker.score(question, [_in_context(piece) for piece in some])
        scored += [
            _Scored(float(logit) + PASSAGE_WEIGHT * (piece.passage.score - top), piece)
            for logit, piece in zip(logits, some, strict=True)
        ]
        if max(one.score for one in scored) >= CLEAR_LOGIT:
            break
    return sorted(scored, key=lambda one: -one.score)


def _likeliest(question: str, candidates: Sequence[Piece]) -> list[Piece]:
    """Keep `JUDGED_AT_MOST` sentences: with words of the question, of the better passages rather."""
    wanted = content_words(question)
    ranks = {
        passage_id: rank for rank, passage_id in enumerate(dict.fromkeys(p.passage.id for p in candidates))
    }

    def promise(piece: Piece) -> float:
        return coverage(wanted, piece.text) - RANK_COST * ranks[piece.passage.id]

    return sorted(candidates, key=promise, reverse=True)[:JUDGED_AT_MOST]


def _in_context(piece: Piece) -> str:
    return passage_text(piece.passage.title, piece.passage.section, piece.text)


def _with_context(piece: Piece, candidates: Sequence[Piece]) -> str:
    """Return what makes a sentence readable alone: its heading if it is short, what "it" is if it says so."""
    if len(piece.text.split()) < FEW_WORDS:
        return passage_text("", piece.passage.section or piece.passage.title, piece.text)
    before = [one for one in candidates if one.passage.id == piece.passage.id and one.end <= piece.start]
    if before and leans_back(piece.text):
        return f"{before[-1].text} {piece.text}"
    return piece.text


async def _support(question: str, text: str, passages: Sequence[Passage], reranker: Reranker) -> float:
    """Return how well the best sentence answers, in logits, less what speaks against it.

    The sentence is scored without the headings of its passage: they alone can lift a related sentence
    without the fact. Against it speak words of the question that no passage has, above all names and
    numbers; what is told around the question does not.

    :param text: the sentence, with what it needs to be understood.
    """
    asks = asked(question)
    logits = await together(*(reranker.score(one, [text]) for one in dict.fromkeys((question, asks))))
    found = [passage_text(p.title, p.section, p.text) for p in passages]
    unknown = 1.0 - coverage(content_words(asks), "\n".join(found[:PASSAGES]))
    return (
        min(max(*(float(logit[0]) for logit in logits), -8.0), 4.0)
        - UNKNOWN_WEIGHT * unknown
        - FOREIGN_WEIGHT * _asks_for_strangers(asks, "\n".join(found))
    )


def _asks_for_strangers(question: str, found: str) -> bool:
    """Tell whether the question has a name or a number that no passage has."""
    words = {word.lower() for word in re.findall(r"[^\W_]+", found)}
    parts = {part for name in names(question) for part in re.findall(r"[^\W_]+", name)}
    return not (parts <= words and numbers(question) <= numbers(found) | words)


def _is_of_wrong_kind(question: str, answer: str) -> bool:
    """Tell whether an amount of money or a date is asked for, and there is none."""
    return bool(
        (_MONEY_QUESTION.search(question) and not _MONEY.search(answer))
        or (_DATE_QUESTION.search(question) and not _DATE.search(answer))
    )


def _chosen(scored: Sequence[_Scored]) -> list[Piece]:
    """Take the best piece, and what is near it and says something more."""
    best = scored[0]
    raised = [
        _Scored(one.score + NEXT_BONUS, one.piece) if _follows(one.piece, best.piece) else one
        for one in scored
    ]
    chosen: list[Piece] = []
    for one in sorted(raised, key=lambda one: -one.score):
        if one.score < best.score - NEAR_BEST or len(chosen) == MOST:
            break
        piece = one.piece.with_list
        if not any(_holds(other, piece) for other in chosen):
            chosen = [other for other in chosen if not _holds(piece, other)] + [piece]
    return chosen


def _around(best: Piece, chosen: Sequence[Piece], candidates: Sequence[Piece]) -> list[Piece]:
    """Fill a short answer up with what stands around its best sentence: what goes on, then what led to it."""
    same = [piece for piece in candidates if piece.passage.id == best.passage.id]
    after = [piece for piece in same if piece.start >= best.end][: FEWEST - 1]
    before = [piece for piece in same if piece.end <= best.start][-1:]
    added: list[Piece] = []
    for piece in (*after, *before):
        new = piece.with_list
        if len(chosen) + len(added) < FEWEST and not any(_holds(one, new) for one in (*chosen, *added)):
            added.append(new)
    return added


def _follows(piece: Piece, other: Piece) -> bool:
    return piece.passage.id == other.passage.id and piece.start == other.end


def _holds(piece: Piece, other: Piece) -> bool:
    """Tell whether `piece` makes `other` superfluous: it contains it, or says the same."""
    if piece.passage.id == other.passage.id and piece.start <= other.start and other.end <= piece.end:
        return True
    return coverage(content_words(other.text), piece.text) >= 0.9


def _by_words(question: str, candidates: Sequence[Piece]) -> tuple[Piece, ...]:
    """Take up to three sentences that share the most words with the question."""
    wanted = content_words(question)
    scored = [_Scored(coverage(wanted, _in_context(piece)), piece) for piece in candidates]
    best = sorted((one for one in scored if one.score >= ENOUGH_WORDS), key=lambda one: -one.score)[:3]
    near = [one.piece.with_list for one in best if one.score >= 0.8 * best[0].score]
    return _reading_order(near)


def _reading_order(chosen: Sequence[Piece]) -> tuple[Piece, ...]:
    """Put the passage with the best sentence first, and each passage's sentences in their order."""
    order = list(dict.fromkeys(piece.passage.id for piece in chosen))
    return tuple(sorted(chosen, key=lambda piece: (order.index(piece.passage.id), piece.start)))
