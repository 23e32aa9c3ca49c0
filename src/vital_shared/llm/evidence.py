"""The sentences of passages that answer a question, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from vital_shared.llm.answer_calibration import (
    SCORERS,
    AnswerCalibration,
    calibration_for,
    shipped_calibration,
)
from vital_shared.llm.answer_signals import Logits, closes_gate, masked, signals
from vital_shared.llm.german_signals import german_signals
from vital_shared.llm.pieces import PassagePiece, pieces
from vital_shared.llm.premise_denied import PREMISE_DENIED, premise_denied
from vital_shared.llm.question_parts import question_sentences, refers_back
from vital_shared.llm.support import is_supported
from vital_shared.models.answer_estimate import AnswerEstimate
from vital_shared.models.citation import Passage
from vital_shared.retrieval.language import GERMAN, language_of
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.retrieval.together import together
from vital_shared.retrieval.words import content_words, coverage

if TYPE_CHECKING:
    from vital_shared.retrieval.entailment import Entailment
    from vital_shared.retrieval.rerank import Scorer

__all__ = ["Evidence", "Selection", "answer_signals", "select", "weigh"]

PASSAGES: Final = 3
"""Answers come from the best passages only: `make eval` counts how often the right one is among them."""

JUDGED_SENTENCES: Final = 4
"""Sentences that the cross-encoder scores at once; it scores as many again while none reaches
`CLEAR_LOGIT`: each costs 8 to 25 ms."""

MAX_JUDGED_SENTENCES: Final = 12

CLEAR_LOGIT: Final = 2.0
"""A sentence that answers so well needs no better one."""

RANK_COST: Final = 0.15
"""The share of the question's words by which a sentence has to lead one of the passage before."""

PASSAGE_WEIGHT: Final = 0.3
"""The share of a passage's lag behind the best one that its sentences take over."""

NEXT_BONUS: Final = 1.5
"""The bonus of a sentence that follows the best one: answers go on."""

NEAR_BEST: Final = 5.0
"""Logits: what is farther behind the best sentence says something else."""

MAX_PIECES: Final = 5
"""Pieces in an answer."""

MIN_PIECES: Final = 3
"""An answer with fewer gets the sentences around the best one: a fact is often spread over two."""

FEW_WORDS: Final = 9
"""Fewer do not stand on their own: "Class C: death or serious injury." needs its heading."""

ENOUGH_WORDS: Final = 0.5
"""Without a reranker: the share of the question's content words that a sentence and its headings have."""


class _Scored(NamedTuple):
    score: float
    piece: PassagePiece


class Evidence(NamedTuple):
    """The sentences that answer a question best, however well that is."""

    pieces: tuple[PassagePiece, ...]
    """In reading order."""

    best: PassagePiece
    best_text: str
    """The best sentence, with what it needs to be understood."""


class Selection(NamedTuple):
    """An answer in the passages' own words."""

    pieces: tuple[PassagePiece, ...] = ()
    """None where the passages do not hold an answer."""

    estimate: AnswerEstimate | None = None
    """The probability that it is right; None where no calibration fits."""


async def select(
    question: str,
    passages: Sequence[Passage],
    reranker: Scorer | None,
    *,
    entailment: Entailment | None = None,
    answer_from: float | None = None,
    are_near: bool = True,
) -> Selection:
    """Return the pieces that answer, in reading order; none where the passages do not hold an answer.

    :param passages: best first, with the reranker's scores where there is one.
    :param entailment: sees answers that deny what the question takes for granted.
    :param answer_from: the probability from which on there is an answer; None: the calibration's own.
    :param are_near: whether the best passage has enough to do with the question; where it has not, only a
        calibration may find an answer.
    :raises ConfigurationError: when a model cannot be loaded.
    """
    if reranker is None:
        return Selection(_by_words(question, _candidates(passages)) if are_near else ())
    calibration = await asyncio.to_thread(_calibration, question, passages, reranker, entailment)
    if calibration is None and not are_near:
        return Selection()
    evidence = await weigh(question, passages, reranker)
    if evidence is None:
        return Selection()
    is_closed = closes_gate(question, passages, evidence.best_text)
    logit = await _sentence_logit(question, evidence.best_text, reranker)
    if calibration is None:
        is_answer = not is_closed and await _is_answer(question, evidence, passages, reranker, logit)
        return Selection(evidence.pieces if is_answer else ())
    found = await answer_signals(
        question, evidence, passages, reranker, language=calibration.language, sentence_logit=logit
    )
    if entailment is not None and PREMISE_DENIED in calibration.weights:
        answer = " ".join(piece.text for piece in evidence.pieces)
        found = {**found, PREMISE_DENIED: await premise_denied(question, answer, entailment)}
    estimate = calibration.estimate(found, is_closed=is_closed)
    threshold = calibration.answer_from if answer_from is None else answer_from
    return Selection(evidence.pieces if estimate.probability >= threshold else (), estimate)


async def _is_answer(
    question: str, evidence: Evidence, passages: Sequence[Passage], reranker: Scorer, logit: float
) -> bool:
    """Judge an answer in a language that has no calibration.

    The German one is of the multilingual model, and few of its signals depend on the language.
    """
    if reranker.scorer(question) != SCORERS[GERMAN]:
        answer = "\n".join(piece.text for piece in evidence.pieces)
        return is_supported(question, logit, answer, passages)
    calibration, language = shipped_calibration(GERMAN), language_of(question)
    found = await asyncio.to_thread(
        german_signals, question, evidence.best, evidence.best_text, passages, logit, language
    )
    return calibration.estimate(found, is_closed=False).probability >= calibration.answer_from


def _calibration(
    question: str, passages: Sequence[Passage], reranker: Scorer, entailment: Entailment | None
) -> AnswerCalibration | None:
    scorer = reranker.scorer(question)
    return calibration_for(question, passages[:PASSAGES], scorer, with_entailment=entailment is not None)


async def weigh(question: str, passages: Sequence[Passage], reranker: Scorer) -> Evidence | None:
    """Return the sentences that answer best; None where there is none at all.

    :param passages: best first, with the reranker's scores.
    :raises ConfigurationError: when the reranking model cannot be loaded.
    """
    candidates = _candidates(passages)
    if not candidates:
        return None
    scored = await _scored(question, passages[:PASSAGES], candidates, reranker)
    best = scored[0].piece
    chosen = _chosen(scored)
    chosen += _around(best, chosen, candidates)
    return Evidence(_reading_order(chosen), best, _with_context(best, candidates))


async def answer_signals(
    question: str,
    evidence: Evidence,
    passages: Sequence[Passage],
    reranker: Scorer,
    *,
    language: str,
    sentence_logit: float | None = None,
) -> Mapping[str, float]:
    """Return the signals from which a calibration makes a probability.

    :param language: one that has a calibration.
    :param sentence_logit: the logit of the best sentence alone, where that is known.
    :raises ConfigurationError: when the reranking model cannot be loaded.
    """
    sentence = evidence.best_text
    if sentence_logit is None:
        sentence_logit = await _sentence_logit(question, sentence, reranker)
    if language == GERMAN:
        return await asyncio.to_thread(
            german_signals, question, evidence.best, sentence, passages, sentence_logit
        )
    logits = await _logits(question, evidence, sentence_logit, reranker)
    return await asyncio.to_thread(signals, question, evidence.best, sentence, passages, logits)


async def _logits(question: str, evidence: Evidence, sentence_logit: float, reranker: Scorer) -> Logits:
    asks, sentence = question_sentences(question), evidence.best_text
    answer = " ".join(piece.text for piece in evidence.pieces)
    hidden = masked(asks, evidence.best.passage.title, sentence)
    if hidden == (asks, sentence):
        whole, without_names = await reranker.score(question, [answer]), [sentence_logit]
    else:
        whole, without_names = await together(
            reranker.score(question, [answer]), reranker.score(hidden[0], [hidden[1]])
        )
    return Logits(whole=float(whole[0]), sentence=sentence_logit, masked=float(without_names[0]))


async def _sentence_logit(question: str, sentence: str, reranker: Scorer) -> float:
    """Score a sentence without headings, for the question as it is and without the story around it."""
    asks = dict.fromkeys((question, question_sentences(question)))
    logits = await together(*(reranker.score(one, [sentence]) for one in asks))
    return max(float(logit[0]) for logit in logits)


def _candidates(passages: Sequence[Passage]) -> list[PassagePiece]:
    return [piece for passage in passages[:PASSAGES] for piece in pieces(passage)]


async def _scored(
    question: str, passages: Sequence[Passage], candidates: list[PassagePiece], reranker: Scorer
) -> list[_Scored]:
    """Score sentences together with their headings, best first."""
    candidates = _likeliest(question, candidates)
    top = max(passage.score for passage in passages)
    scored: list[_Scored] = []
    for start in range(0, len(candidates), JUDGED_SENTENCES):
        some = candidates[start : start + JUDGED_SENTENCES]
        logits = await reranker.score(question, [_in_context(piece) for piece in some])
        scored += [
            _Scored(float(logit) + PASSAGE_WEIGHT * (piece.passage.score - top), piece)
            for logit, piece in zip(logits, some, strict=True)
        ]
        if max(one.score for one in scored) >= CLEAR_LOGIT:
            break
    return sorted(scored, key=lambda one: -one.score)


def _likeliest(question: str, candidates: Sequence[PassagePiece]) -> list[PassagePiece]:
    """Keep `JUDGED_AT_MOST` sentences: with words of the question, of the better passages rather."""
    wanted = content_words(question)
    ranks = {
        passage_id: rank for rank, passage_id in enumerate(dict.fromkeys(p.passage.id for p in candidates))
    }

    def promise(piece: PassagePiece) -> float:
        return coverage(wanted, piece.text) - RANK_COST * ranks[piece.passage.id]

    return sorted(candidates, key=promise, reverse=True)[:MAX_JUDGED_SENTENCES]


def _in_context(piece: PassagePiece) -> str:
    return passage_text(piece.passage.title, piece.passage.section, piece.text)


def _with_context(piece: PassagePiece, candidates: Sequence[PassagePiece]) -> str:
    """Return what makes a sentence readable alone: its heading if it is short, what "it" is if it says so."""
    if len(piece.text.split()) < FEW_WORDS:
        return passage_text("", piece.passage.section or piece.passage.title, piece.text)
    before = [one for one in candidates if one.passage.id == piece.passage.id and one.end <= piece.start]
    if before and refers_back(piece.text):
        return f"{before[-1].text} {piece.text}"
    return piece.text


def _chosen(scored: Sequence[_Scored]) -> list[PassagePiece]:
    """Take the best piece, and what is near it and says something more."""
    best = scored[0]
    raised = [
        _Scored(one.score + NEXT_BONUS, one.piece) if _follows(one.piece, best.piece) else one
        for one in scored
    ]
    chosen: list[PassagePiece] = []
    for one in sorted(raised, key=lambda one: -one.score):
        if one.score < best.score - NEAR_BEST or len(chosen) == MAX_PIECES:
            break
        piece = one.piece.with_list
        if not any(_holds(other, piece) for other in chosen):
            chosen = [other for other in chosen if not _holds(piece, other)] + [piece]
    return chosen


def _around(
    best: PassagePiece, chosen: Sequence[PassagePiece], candidates: Sequence[PassagePiece]
) -> list[PassagePiece]:
    """Fill a short answer up with what stands around its best sentence: what goes on, then what led to it."""
    same = [piece for piece in candidates if piece.passage.id == best.passage.id]
    after = [piece for piece in same if piece.start >= best.end][: MIN_PIECES - 1]
    before = [piece for piece in same if piece.end <= best.start][-1:]
    added: list[PassagePiece] = []
    for piece in (*after, *before):
        new = piece.with_list
        if len(chosen) + len(added) < MIN_PIECES and not any(_holds(one, new) for one in (*chosen, *added)):
            added.append(new)
    return added


def _follows(piece: PassagePiece, other: PassagePiece) -> bool:
    return piece.passage.id == other.passage.id and piece.start == other.end


def _holds(piece: PassagePiece, other: PassagePiece) -> bool:
    """Return whether `piece` makes `other` superfluous: it contains it, or says the same."""
    if piece.passage.id == other.passage.id and piece.start <= other.start and other.end <= piece.end:
        return True
    return coverage(content_words(other.text), piece.text) >= 0.9


def _by_words(question: str, candidates: Sequence[PassagePiece]) -> tuple[PassagePiece, ...]:
    """Take up to three sentences that share the most words with the question."""
    wanted = content_words(question)
    scored = [_Scored(coverage(wanted, _in_context(piece)), piece) for piece in candidates]
    best = sorted((one for one in scored if one.score >= ENOUGH_WORDS), key=lambda one: -one.score)[:3]
    near = [one.piece.with_list for one in best if one.score >= 0.8 * best[0].score]
    return _reading_order(near)


def _reading_order(chosen: Sequence[PassagePiece]) -> tuple[PassagePiece, ...]:
    """Put the passage with the best sentence first, and each passage's sentences in their order."""
    order = list(dict.fromkeys(piece.passage.id for piece in chosen))
    return tuple(sorted(chosen, key=lambda piece: (order.index(piece.passage.id), piece.start)))
