"""The calibration by which signals become the probability that a quoted answer is right.

Each language has its own, fitted by ``bench/fit_answers.py``, which writes ``answer_calibration_en.json`` and
``answer_calibration_de.json``, and how they were fitted. English has another one where the entailment model
is installed: ``answer_calibration_en_entailment.json``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from pydantic import Field

from vital_shared.models.answer_estimate import AnswerEstimate
from vital_shared.models.base import Frozen
from vital_shared.models.citation import Passage
from vital_shared.retrieval.embedding_models import E5
from vital_shared.retrieval.language import ENGLISH, GERMAN, language_of
from vital_shared.retrieval.pinned_models import MS_MARCO

__all__ = [
    "ENTAILED",
    "SCORERS",
    "AnswerCalibration",
    "calibrated_language",
    "calibration_for",
    "shipped_calibration",
]

SCORERS: Final = {ENGLISH: MS_MARCO.name, GERMAN: E5.name}
"""The model whose logits a calibration knows, by its language."""

ENTAILED: Final = frozenset({ENGLISH})
"""The languages that have a calibration for the entailment model."""


class AnswerCalibration(Frozen):
    """A logistic regression on the signals of an answer."""

    version: str
    language: str
    """The code of the only language that it knows."""

    reranker: str
    """The only model whose logits it knows."""

    intercept: float
    weights: Mapping[str, float]
    """The weight of each signal."""

    answer_from: float = Field(ge=0, le=1)
    """The gate: a less likely answer is not given."""

    certain_from: float = Field(ge=0, le=1)
    """A less likely answer is given with a warning."""

    closed_probability: float = Field(ge=0, le=1)
    """The most likely that an answer can be where what is asked for is in no passage."""

    fitted: Mapping[str, Any]
    """The conditions of the fit, for the reader."""

    def estimate(self, signals: Mapping[str, float], *, is_closed: bool) -> AnswerEstimate:
        """Return how likely it is that an answer with these signals is right.

        :param is_closed: whether a year, an amount, a measure or a cell is asked for that no passage has.
        """
        score = self.intercept + sum(self.weights[name] * signals[name] for name in self.weights)
        probability = 1.0 / (1.0 + math.exp(-score))
        if is_closed:
            probability = min(probability, self.closed_probability)
        return AnswerEstimate(
            probability=round(probability, 4),
            calibration=self.version,
            is_certain=probability >= self.certain_from,
        )


def shipped_calibration(language: str = ENGLISH, *, with_entailment: bool = False) -> AnswerCalibration:
    """Return the calibration that the package brings for a language of `SCORERS`.

    :param with_entailment: whether the entailment model is installed.
    """
    return _read(f"{language}_entailment" if with_entailment and language in ENTAILED else language)


@lru_cache(maxsize=len(SCORERS) + len(ENTAILED))
def _read(name: str) -> AnswerCalibration:
    file = files("vital_shared.llm") / f"answer_calibration_{name}.json"
    return AnswerCalibration.model_validate_json(file.read_text(encoding="utf-8"))


def calibration_for(
    question: str, passages: Sequence[Passage], scorer: str, *, with_entailment: bool = False
) -> AnswerCalibration | None:
    """Return the calibration for a question and what was found for it; None where none fits.

    :param scorer: the name of the model that scored the passages.
    :param with_entailment: whether the entailment model is installed.
    """
    language = calibrated_language(question, passages, scorer)
    return shipped_calibration(language, with_entailment=with_entailment) if language else None


def calibrated_language(question: str, passages: Sequence[Passage], scorer: str) -> str | None:
    """Return the language of a question and all passages, where its model scored them; None elsewhere."""
    language = language_of(question)
    is_known = SCORERS.get(language) == scorer
    return language if is_known and all(language_of(each.text) == language for each in passages) else None
