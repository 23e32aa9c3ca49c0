"""The values by which a collection of documents is searched, and by which its answers are given."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import Field

from vital_shared.models.base import Frozen

__all__ = ["SHIPPED_TUNING", "RetrievalTuning", "StoredTuning", "TunedModels"]


class RetrievalTuning(Frozen):
    """Weights of a hybrid search, and the thresholds from which on an answer is tried and given.

    The defaults were measured on collections of many kinds. `vital eval --tune` fits others to a collection
    whose questions show that they do better.
    """

    name: str = ""
    """Name under which runs report the tuning; empty: the defaults."""

    keyword_weight: float = Field(default=0.3, ge=0, le=10)
    """Score that the best keyword hit adds, where the range of the cosines counts 1."""

    source_weight: float = Field(default=0.0, ge=0, le=100)
    """Logits that a passage loses with each 1.0 by which its fused score is below the best one's.

    0: the reranker orders the passages alone. From about 30 on they stay in the order of the sources, which
    is better where the questions and the documents are phrased alike, as in lists of questions and answers.
    """

    answerable_logit: float = Field(default=-8.0, ge=-50, le=50)
    """The gate where no calibration fits: below it the best passage has nothing to do with the question.

    On 156 questions of six fields, 45 of them without an answer, it turned away 17 of the latter (all that
    were off topic) and 3 of the former. Higher would cost answers (at -4, 13) and still let through what is
    near the topic without the fact, which scored up to 5.6: the composer sees that, sentence by sentence.
    """

    answer_from: float | None = Field(default=None, ge=0, le=1)
    """Probability from which on a quoted answer is given; None: that of the shipped calibration."""

    answer_language: str = ""
    """The language whose calibration `answer_from` was chosen on (ISO 639-1); empty: it is for all."""

    def answer_from_in(self, language: str) -> float | None:
        """Return `answer_from` for a question in a language; None where it was chosen on another one.

        Each language has a calibration of its own, whose probabilities are not those of another.
        """
        return self.answer_from if self.answer_language in ("", language) else None


SHIPPED_TUNING: Final = RetrievalTuning()


class TunedModels(Frozen):
    """The models on whose scores a tuning rests: with other ones it means nothing."""

    embedder: str
    reranker: str
    calibration: str


class StoredTuning(Frozen):
    """A tuning with its origin."""

    tuning: RetrievalTuning
    models: TunedModels
    tuned_at: datetime
    questions: int
