"""The thresholds from which on an answer is given, fitted to answers that are known to be right or wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from vital_shared.llm.answer_calibration import AnswerCalibration
from vital_shared.workflows.evaluation.asked import AskedAnswer
from vital_shared.workflows.evaluation.folds import folds

__all__ = ["BestGate", "Gate", "best_gate"]

MIN_ANSWERS_OF_EACH: Final = 10
"""Right answers, and others, that a fit needs."""

SHIFT_DEVIATION_LOGITS: Final = 1.0
"""Standard deviation, in logits, that calibrations are expected to be off by on a collection: what the fit
sets against the questions. Between the 16 collections of the calibration it is about as much."""

MAX_SHIFT_LOGITS: Final = 3.0
SHIFT_STEP_LOGITS: Final = 0.02

LOST_SHARE: Final = 0.03
"""Share of the questions with an answer that the gate on passages may turn away."""

MARGIN_LOGITS: Final = 1.0
"""Distance of the gate on passages from the scores that it was fitted to."""


class Gate(NamedTuple):
    """The thresholds that an answer has to reach."""

    answerable_logit: float
    """The best passage's, where an answer has no probability."""

    answer_from: float

    def opens_for(self, answer: AskedAnswer) -> bool:
        """Return whether an answer is given: by its probability, or else by how near the best passage is."""
        if answer.probability is not None:
            return answer.is_composed and answer.probability >= self.answer_from
        return answer.is_composed and (answer.top_logit is None or answer.top_logit >= self.answerable_logit)


class BestGate(NamedTuple):
    """The gate that does best."""

    gate: Gate
    held_out: Sequence[Gate]
    """For each answer a gate that was fitted to the others."""


def best_gate(answers: Sequence[AskedAnswer], shipped: Gate, calibration: AnswerCalibration) -> BestGate:
    """Return the gate that suits the answers.

    Each threshold stays the shipped one unless another does better on answers that it was not fitted to, and
    there are enough right answers and others.
    """
    fitted = [shipped] * len(answers)
    if not _has_enough(answers):
        return BestGate(shipped, fitted)
    for fold in folds(len(answers)):
        gate = _fitted([answers[n] for n in fold.others], shipped, calibration)
        for n in fold.held_out:
            fitted[n] = gate
    whole = _fitted(answers, shipped, calibration)
    choices = [
        BestGate(choose(whole), [choose(gate) for gate in fitted])
        for choose in (
            lambda _: shipped,
            lambda gate: Gate(shipped.answerable_logit, gate.answer_from),
            lambda gate: Gate(gate.answerable_logit, shipped.answer_from),
            lambda gate: gate,
        )
    ]
    return max(choices, key=lambda choice: _gain(answers, choice.held_out, shipped))  # of equals the first


def _has_enough(answers: Sequence[AskedAnswer]) -> bool:
    right = sum(answer.is_right for answer in answers)
    return min(right, len(answers) - right) >= MIN_ANSWERS_OF_EACH


def _fitted(answers: Sequence[AskedAnswer], shipped: Gate, calibration: AnswerCalibration) -> Gate:
    """Fit both thresholds."""
    return Gate(_fitted_logit(answers, shipped), _fitted_probability(answers, shipped, calibration))


def _gain(answers: Sequence[AskedAnswer], gates: Sequence[Gate], shipped: Gate) -> float:
    """Return the right answers that are given, less the wrong ones at their cost.

    To answer from a probability p on says that one wrong answer outweighs p / (1 - p) right ones.
    """
    cost = shipped.answer_from / (1 - shipped.answer_from)
    return sum(
        1.0 if answer.is_right else -cost
        for answer, gate in zip(answers, gates, strict=True)
        if gate.opens_for(answer)
    )


def _fitted_probability(
    answers: Sequence[AskedAnswer], shipped: Gate, calibration: AnswerCalibration
) -> float:
    """Shift the threshold by as many logits as the calibration is off here.

    The likeliest shift, where shifts are normally distributed around 0.
    """
    known = [(answer.probability, answer.is_right) for answer in answers if answer.probability is not None]
    logits = [(_logit(probability), right) for probability, right in known]

    def improbability(shift: float) -> float:
        misses = sum(math.log1p(math.exp(-(x + shift) if right else x + shift)) for x, right in logits)
        return misses + shift**2 / (2 * SHIFT_DEVIATION_LOGITS**2)

    steps = round(MAX_SHIFT_LOGITS / SHIFT_STEP_LOGITS)
    shift = min((step * SHIFT_STEP_LOGITS for step in range(-steps, steps + 1)), key=improbability)
    threshold = 1 / (1 + math.exp(shift - _logit(shipped.answer_from)))
    return round(max(threshold, calibration.closed_probability + 0.01), 3)


def _fitted_logit(answers: Sequence[AskedAnswer], shipped: Gate) -> float:
    """Return the highest gate on passages that turns hardly a question with an answer away."""
    wanted = sorted(a.top_logit for a in answers if a.top_logit is not None and a.has_answer and a.rank)
    if not wanted:
        return shipped.answerable_logit
    return round(wanted[int(LOST_SHARE * len(wanted))] - MARGIN_LOGITS, 2)


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded))
