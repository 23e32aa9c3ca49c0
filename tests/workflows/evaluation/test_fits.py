"""Weights and thresholds change where questions show that others do better, and only then."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from vital_shared.llm.answer_calibration import shipped_calibration
from vital_shared.models.retrieval_tuning import SHIPPED_TUNING
from vital_shared.workflows.evaluation.asked import AskedAnswer
from vital_shared.workflows.evaluation.gate import Gate, best_gate
from vital_shared.workflows.evaluation.ranking import SHIPPED, SearchWeights, best_weights

OTHER = SearchWeights(1.0, 0.0)
GATE = Gate(SHIPPED_TUNING.answerable_logit, shipped_calibration().answer_from)

ranks = st.lists(st.tuples(*[st.sampled_from([1, 2, 3, 5, None])] * 2), min_size=20, max_size=60)


def answer(
    probability: float | None, *, is_right: bool, has_answer: bool = True, logit: float = 5.0
) -> AskedAnswer:
    return AskedAnswer(has_answer, 1, logit, is_composed=True, probability=probability, is_right=is_right)


def test_weights_that_answer_sooner_are_taken() -> None:
    found = best_weights({SHIPPED: [2, 1, 3, 2, 1] * 6, OTHER: [1, 1, 2, 1, 1] * 6})
    assert found.weights == OTHER
    assert list(found.held_out) == [1, 1, 2, 1, 1] * 6


def test_weights_that_are_better_by_chance_are_not_taken() -> None:
    """One question of 30 is no reason."""
    shipped: list[int | None] = [1, 2, 1, 3, 1] * 6
    found = best_weights({SHIPPED: shipped, OTHER: [1, 1, *shipped[2:]]})
    assert found.weights == SHIPPED
    assert list(found.held_out) == shipped


@settings(max_examples=60, deadline=None)
@given(ranks)
def test_held_out_ranks_are_never_worse_than_the_shipped_ones(
    pairs: list[tuple[int | None, int | None]],
) -> None:
    shipped, other = ([pair[n] for pair in pairs] for n in (0, 1))
    found = best_weights({SHIPPED: shipped, OTHER: other})

    def worth(listed: list[int | None]) -> float:
        return sum(0.0 if rank is None else 1 / rank for rank in listed)

    assert worth(list(found.held_out)) >= worth(shipped)


def test_where_right_answers_look_unlikely_the_threshold_falls() -> None:
    answers = [answer(GATE.answer_from - 0.3 + n % 5 / 20, is_right=True) for n in range(30)]
    answers += [answer(0.02 + n % 5 / 100, is_right=False, has_answer=False) for n in range(30)]
    found = best_gate(answers, GATE, shipped_calibration())
    assert shipped_calibration().closed_probability < found.gate.answer_from < GATE.answer_from
    assert sum(gate.opens_for(each) for each, gate in zip(answers, found.held_out, strict=True)) > 20


def test_where_wrong_answers_look_likely_the_threshold_rises() -> None:
    answers = [answer(0.97, is_right=True) for _ in range(30)]
    just_above = GATE.answer_from + 0.01
    answers += [answer(just_above + n % 5 / 200, is_right=False, has_answer=False) for n in range(60)]
    assert best_gate(answers, GATE, shipped_calibration()).gate.answer_from > GATE.answer_from


def test_a_calibration_that_holds_stays() -> None:
    chance = random.Random(7)
    likely = [chance.random() for _ in range(200)]
    answers = [answer(each, is_right=chance.random() < each) for each in likely]
    assert abs(best_gate(answers, GATE, shipped_calibration()).gate.answer_from - GATE.answer_from) < 0.1


def test_the_calibrated_gate_decides_alone() -> None:
    far = GATE.answerable_logit - 2
    assert GATE.opens_for(answer(0.9, is_right=True, logit=far))
    assert not GATE.opens_for(answer(None, is_right=True, logit=far))
    assert not GATE.opens_for(answer(0.1, is_right=True, logit=5.0))


def test_too_few_answers_of_a_kind_change_nothing() -> None:
    answers = [answer(0.3, is_right=True) for _ in range(40)] + [answer(0.1, is_right=False)] * 9
    assert best_gate(answers, GATE, shipped_calibration()).gate == GATE


def test_without_probabilities_the_gate_on_passages_is_fitted() -> None:
    """As with documents in another language, on whose logits the shipped gate turns nothing away."""
    answers = [answer(None, is_right=True, logit=4 + n % 7) for n in range(40)]
    answers += [answer(None, is_right=False, has_answer=False, logit=n % 4) for n in range(40)]
    found = best_gate(answers, GATE, shipped_calibration())
    assert found.gate == Gate(3.0, GATE.answer_from)
    assert not any(found.gate.opens_for(each) for each in answers if each.top_logit < 3)
