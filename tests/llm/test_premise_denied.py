"""Answers that deny what the question takes for granted, where the entailment model is installed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.retrieval.passages import passage

from vital_shared.llm.answer_calibration import ENTAILED, shipped_calibration
from vital_shared.llm.answer_signals import SIGNAL_NAMES
from vital_shared.llm.base import ModelRequest, Stop
from vital_shared.llm.evidence import select
from vital_shared.llm.extractive import ExtractiveComposer
from vital_shared.llm.premise_denied import MAX_DENIED, PREMISE_DENIED, premise_denied
from vital_shared.models.answer_estimate import CALIBRATIONS
from vital_shared.retrieval.entailment import Entailment
from vital_shared.retrieval.language import ENGLISH, GERMAN
from vital_shared.retrieval.rerank import Reranker

STAGE = passage(
    "The landing stage was repaired for 48,500 crowns. The insurance of the club paid for a part of the repair.",
    title="Annual sheet",
    score=5.0,
)
QUESTION = "How much was paid for the repair of the landing stage?"


class KnownEntailment(Entailment):
    """An entailment model with one logit for everything, which keeps what it was asked."""

    def __init__(self, logit: float) -> None:
        self.asked: list[tuple[str, str]] = []
        self._logit = logit

    async def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        self.asked += pairs
        return np.full(len(pairs), self._logit, np.float32)


async def test_the_signal_grows_with_the_denial_up_to_a_limit() -> None:
    signals = [await premise_denied(QUESTION, STAGE.text, KnownEntailment(each)) for each in (3, -4, -5, -9)]
    assert signals == [0.0, 0.0, 1.0, MAX_DENIED]


async def test_a_question_that_takes_nothing_for_granted_costs_no_call() -> None:
    entailment = KnownEntailment(-9.0)
    assert await premise_denied("Is the landing stage new?", STAGE.text, entailment) == 0.0
    assert entailment.asked == []


async def test_a_denied_premise_makes_an_answer_less_likely(reranker: Reranker) -> None:
    affirmed, denied = KnownEntailment(0.0), KnownEntailment(-9.0)
    likely = (await select(QUESTION, [STAGE], reranker, entailment=affirmed)).estimate
    unlikely = (await select(QUESTION, [STAGE], reranker, entailment=denied)).estimate
    assert likely is not None
    assert unlikely is not None
    calibration = shipped_calibration(with_entailment=True)
    assert likely.calibration == unlikely.calibration == calibration.version
    assert _logit(likely.probability) - _logit(unlikely.probability) == pytest.approx(
        -calibration.weights[PREMISE_DENIED] * MAX_DENIED, abs=0.02
    )
    ((premise, statement),) = denied.asked
    assert "paid for a part" in premise
    assert statement == "There was paid for the repair of the landing stage."


async def test_without_the_model_the_other_calibration_judges(reranker: Reranker) -> None:
    estimate = (await select(QUESTION, [STAGE], reranker)).estimate
    assert estimate is not None
    assert estimate.calibration == shipped_calibration().version


async def test_the_composer_asks_the_model(reranker: Reranker) -> None:
    entailment = KnownEntailment(-9.0)
    composer = ExtractiveComposer(reranker, entailment)
    events = [event async for event in composer.stream(ModelRequest(question=QUESTION, passages=(STAGE,)))]
    stop = events[-1]
    assert isinstance(stop, Stop)
    assert stop.estimate is not None
    assert stop.estimate.calibration == shipped_calibration(with_entailment=True).version
    assert len(entailment.asked) == 1


def test_only_english_has_a_calibration_for_the_model() -> None:
    calibration = shipped_calibration(with_entailment=True)
    assert frozenset({ENGLISH}) == ENTAILED
    assert set(calibration.weights) == {*SIGNAL_NAMES, PREMISE_DENIED}
    assert calibration.version in CALIBRATIONS
    assert all(
        calibration.weights[name] < 0
        for name in {*SIGNAL_NAMES, PREMISE_DENIED} - {"answer_logit", "passage_gap"}
    )
    assert shipped_calibration(GERMAN, with_entailment=True) is shipped_calibration(GERMAN)
    assert calibration.answer_from == shipped_calibration().answer_from


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))
