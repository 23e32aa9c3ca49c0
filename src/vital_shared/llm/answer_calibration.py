"""The calibration by which signals become the probability that a quoted answer is right.

It is fitted by ``bench/fit_answers.py``, which writes ``answer_calibration.json`` and how it was fitted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from pydantic import Field

from vital_shared.models.answer_estimate import AnswerEstimate
from vital_shared.models.base import Frozen
from vital_shared.models.citation import Passage
from vital_shared.retrieval.language import ENGLISH, language_of

__all__ = ["AnswerCalibration", "is_english", "shipped_calibration"]


class AnswerCalibration(Frozen):
    """A logistic regression on the signals of an answer."""

    version: str
    reranker: str
    """The only cross-encoder whose logits it knows."""

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

        :param is_closed: whether a year, an amount or a measure is asked for that no passage has.
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


@lru_cache(maxsize=1)
def shipped_calibration() -> AnswerCalibration:
    """Read the calibration that the package brings."""
    text = (files("vital_shared.llm") / "answer_calibration.json").read_text(encoding="utf-8")
    return AnswerCalibration.model_validate_json(text)


def is_english(question: str, passages: Sequence[Passage]) -> bool:
    """Return whether a question and what was found for it are in the language of the calibration."""
    texts = (question, *(passage.text for passage in passages))
    return all(language_of(text) == ENGLISH for text in texts)
