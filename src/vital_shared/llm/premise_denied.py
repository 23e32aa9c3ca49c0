"""Whether an answer denies what its question takes for granted, by the entailment model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vital_shared.llm.presumed import presumed

if TYPE_CHECKING:
    from vital_shared.retrieval.entailment import Entailment

__all__ = ["PREMISE_DENIED", "premise_denied"]

PREMISE_DENIED: Final = "premise_denied"
"""The name of the signal."""

DENIED_LOGIT: Final = -4.0
"""Logit from which on the model sees a denial. Below it are 12 of 31 wrong and 11 of 104 right answers of the
deceptive collections."""

MAX_DENIED: Final = 1.25
"""The most of the signal: lower logits say no more."""


async def premise_denied(question: str, answer: str, entailment: Entailment) -> float:
    """Return how surely an answer denies what a question takes for granted, from 0 to `MAX_DENIED`.

    All of the answer is read, since the denial often stands beside the sentence that answers best.

    :raises ConfigurationError: when the model cannot be loaded.
    """
    statement = presumed(question)
    if statement is None or not answer:
        return 0.0
    logits = await entailment.score([(answer, statement)])
    return max(0.0, min(MAX_DENIED, DENIED_LOGIT - float(logits[0])))
