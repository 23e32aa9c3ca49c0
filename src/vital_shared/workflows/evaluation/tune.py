"""Fit the search and the gate of answers to a tenant's documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from typing import Final

from vital_shared.errors import InvalidRequest
from vital_shared.llm.answer_calibration import SCORERS, AnswerCalibration, shipped_calibration
from vital_shared.models.base import Frozen
from vital_shared.models.retrieval_tuning import SHIPPED_TUNING, RetrievalTuning, StoredTuning
from vital_shared.retrieval.language import ENGLISH, language_of
from vital_shared.workflows.evaluation.asked import AskedAnswer, Asker
from vital_shared.workflows.evaluation.figures import EvalFigures, figures_of
from vital_shared.workflows.evaluation.gate import Gate, best_gate
from vital_shared.workflows.evaluation.questions import KnownQuestion
from vital_shared.workflows.evaluation.ranking import (
    KEYWORD_WEIGHTS,
    SOURCE_ORDER,
    SOURCE_WEIGHTS,
    Ranks,
    SearchWeights,
    best_weights,
)
from vital_shared.workflows.services import Services

__all__ = ["FirstPassages", "OnQuestion", "TuningResult", "evaluate", "tune"]

MIN_ANSWERABLE_QUESTIONS: Final = 20
"""Questions with an answer that a tuning needs."""

SHARED_READER: Final = "local"
"""The tenant as which the shared documents are searched; `vital ask` asks as it, too."""

OnQuestion = Callable[[int, int], None]
"""Called with the questions done and the questions in all."""


class FirstPassages(Frozen):
    """Answerable questions whose first passage answers, by what orders the passages."""

    reranker: int
    sources: int
    questions: int


class TuningResult(Frozen):
    """A tuning, and the figures before and after."""

    tuning: RetrievalTuning
    has_changed: bool
    """Whether it differs from the shipped values; else those are in force again."""

    before: EvalFigures
    """By the tuning that was in force."""

    after: EvalFigures
    """Each question by weights and thresholds that were fitted to others."""

    first_passages: FirstPassages | None
    """None without a reranker."""


async def evaluate(
    services: Services,
    questions: Sequence[KnownQuestion],
    tenant_id: str | None,
    on_question: OnQuestion = lambda *_: None,
) -> EvalFigures:
    """Ask questions by the tuning in force, and count what comes of them.

    :raises VitalError: when a source does not answer.
    """
    tuning = await services.tunings.of(tenant_id)
    answers = await _answers(Asker(services, tenant_id or SHARED_READER), questions, tuning, on_question)
    return figures_of(answers, [_gate(tuning, _calibration(questions))] * len(answers))


async def tune(
    services: Services,
    questions: Sequence[KnownQuestion],
    tenant_id: str | None,
    on_question: OnQuestion = lambda *_: None,
) -> TuningResult:
    """Fit a tuning to a tenant's documents, and keep it for the searches and answers from now on.

    :param tenant_id: None: for what all tenants share, and for those without a tuning of their own.
    :raises InvalidRequest: when there are too few questions, or none is about these documents.
    :raises VitalError: when a source or the store does not answer.
    """
    answerable = [question for question in questions if question.answerable]
    if len(answerable) < MIN_ANSWERABLE_QUESTIONS:
        raise InvalidRequest(
            f"A tuning needs {MIN_ANSWERABLE_QUESTIONS} questions that the documents answer, and this set "
            f"has {len(answerable)}: add some.",
            field="questions",
        )
    asker, steps = (
        Asker(services, tenant_id or SHARED_READER),
        _Steps(on_question, len(answerable) + 3 * len(questions)),
    )
    calibration = _calibration(questions)
    in_force = await services.tunings.of(tenant_id)
    before = await _answers(asker, questions, in_force, steps.next)
    ranks = await _ranks(asker, answerable, has_reranker=services.reranker is not None, steps=steps)
    if not any(rank for listed in ranks.values() for rank in listed):
        raise InvalidRequest(
            "No passage answers any of the questions: are they about this tenant's documents?",
            field="questions",
        )
    weights, held_out_ranks = best_weights(ranks)
    search = RetrievalTuning(keyword_weight=weights.keyword_weight, source_weight=weights.source_weight)
    answers = await _answers(asker, questions, search, steps.next)
    gate, held_out_gates = best_gate(answers, _gate(SHIPPED_TUNING, calibration), calibration)
    tuning = search.model_copy(update=_thresholds(gate, calibration))
    has_changed = tuning != SHIPPED_TUNING
    if has_changed:
        tuning = tuning.model_copy(update={"name": f"{tenant_id or 'all'}-{services.now():%Y%m%dT%H%M%SZ}"})
        stored = StoredTuning(
            tuning=tuning,
            models=await services.tunings.models(),
            tuned_at=services.now(),
            questions=len(questions),
        )
        await services.tunings.store.put(tenant_id, stored)
    else:
        await services.tunings.store.remove(tenant_id)
    services.epochs.forget()
    return TuningResult(
        tuning=tuning,
        has_changed=has_changed,
        before=figures_of(before, [_gate(in_force, calibration)] * len(before)),
        after=figures_of(_ranked(answers, held_out_ranks), held_out_gates),
        first_passages=None if services.reranker is None else _first_passages(ranks, weights),
    )


class _Steps:
    """Progress over several rounds of questions."""

    def __init__(self, on_question: OnQuestion, total: int) -> None:
        self._on_question = on_question
        self._total = total
        self._done = 0

    def next(self, *_: int) -> None:
        self._done += 1
        self._on_question(self._done, self._total)


async def _answers(
    asker: Asker, questions: Sequence[KnownQuestion], tuning: RetrievalTuning, on_question: OnQuestion
) -> list[AskedAnswer]:
    answers = []
    for number, question in enumerate(questions, start=1):
        answers.append(await asker.answer(question, tuning))
        on_question(number, len(questions))
    return answers


async def _ranks(
    asker: Asker, questions: Sequence[KnownQuestion], *, has_reranker: bool, steps: _Steps
) -> Ranks:
    """Rank each question by all weights; without a reranker the sources order the passages anyway."""
    source_weights = SOURCE_WEIGHTS if has_reranker else (SHIPPED_TUNING.source_weight,)
    tried = [SearchWeights(*each) for each in product(KEYWORD_WEIGHTS, source_weights)]
    ranks: dict[SearchWeights, list[int | None]] = {weights: [] for weights in tried}
    for question in questions:
        for weights, listed in ranks.items():
            tuning = RetrievalTuning(
                keyword_weight=weights.keyword_weight, source_weight=weights.source_weight
            )
            listed.append(question.rank((await asker.retrieve(question, tuning)).passages))
        steps.next()
    return ranks


def _ranked(answers: Sequence[AskedAnswer], ranks: Sequence[int | None]) -> list[AskedAnswer]:
    """Give the answerable ones other ranks, in their order."""
    following = iter(ranks)
    return [answer._replace(rank=next(following)) if answer.has_answer else answer for answer in answers]


def _calibration(questions: Sequence[KnownQuestion]) -> AnswerCalibration:
    """Return the calibration for the language of most questions; the English one for other languages."""
    ((language, _),) = Counter(language_of(each.question) for each in questions).most_common(1)
    return shipped_calibration(language if language in SCORERS else ENGLISH)


def _gate(tuning: RetrievalTuning, calibration: AnswerCalibration) -> Gate:
    answer_from = tuning.answer_from_in(calibration.language)
    return Gate(tuning.answerable_logit, calibration.answer_from if answer_from is None else answer_from)


def _thresholds(gate: Gate, calibration: AnswerCalibration) -> dict[str, float | str | None]:
    is_shipped = gate.answer_from == calibration.answer_from
    return {
        "answerable_logit": gate.answerable_logit,
        "answer_from": None if is_shipped else gate.answer_from,
        "answer_language": "" if is_shipped else calibration.language,
    }


def _first_passages(ranks: Ranks, weights: SearchWeights) -> FirstPassages:
    def count(source_weight: float) -> int:
        return sum(rank == 1 for rank in ranks[SearchWeights(weights.keyword_weight, source_weight)])

    return FirstPassages(reranker=count(0.0), sources=count(SOURCE_ORDER), questions=len(ranks[weights]))
