"""Figures of how well questions are answered."""

from __future__ import annotations

from collections.abc import Sequence

from vital_shared.models.base import Frozen
from vital_shared.workflows.evaluation.asked import AskedAnswer
from vital_shared.workflows.evaluation.gate import Gate

__all__ = ["EvalFigures", "figures_of"]

FIRST_PASSAGES = 5


class EvalFigures(Frozen):
    """Counts of questions by what came of them."""

    answerable: int
    first: int
    """Answerable questions whose first passage answers."""
    among_five: int
    """Answerable questions that the first five passages answer."""
    answered: int
    right: int
    """Answered questions whose answer is right."""
    unanswerable: int
    unanswerable_answered: int

    @property
    def precision(self) -> float:
        """The share of right answers among those given; 1 where none was."""
        return self.right / self.answered if self.answered else 1.0

    @property
    def recall(self) -> float:
        """The share of the answerable questions that were answered rightly."""
        return self.right / self.answerable if self.answerable else 1.0


def figures_of(answers: Sequence[AskedAnswer], gates: Sequence[Gate]) -> EvalFigures:
    """Count answers, each as it is given by its gate."""
    given = [gate.opens_for(answer) for answer, gate in zip(answers, gates, strict=True)]
    ranks = [answer.rank for answer in answers if answer.has_answer]
    without = [is_given for answer, is_given in zip(answers, given, strict=True) if not answer.has_answer]
    return EvalFigures(
        answerable=len(ranks),
        first=sum(rank == 1 for rank in ranks),
        among_five=sum(rank is not None and rank <= FIRST_PASSAGES for rank in ranks),
        answered=sum(given),
        right=sum(is_given and answer.is_right for answer, is_given in zip(answers, given, strict=True)),
        unanswerable=len(without),
        unanswerable_answered=sum(without),
    )
