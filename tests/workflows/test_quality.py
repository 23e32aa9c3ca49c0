from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.models.quality import DegradationReason
from vital_shared.workflows.quality import DEGRADATIONS, known_reason, score, warning_for

REASONS = st.sets(st.sampled_from(get_args(DegradationReason)))


def test_every_reason_has_a_weight_and_words():
    assert set(DEGRADATIONS) == set(get_args(DegradationReason))
    for reason in get_args(DegradationReason):
        assert 0 < DEGRADATIONS[reason].weight <= 1
        assert warning_for(reason).message.endswith((".", "`."))


def test_a_flawless_answer_scores_one():
    assert score((), None) == score((), 1.0) == 1.0


@given(REASONS, st.none() | st.floats(0, 1))
def test_the_score_stays_between_0_and_1(reasons, grounded):
    assert 0 <= score(reasons, grounded) <= 1


@given(REASONS, REASONS, st.floats(0, 1))
def test_more_reasons_never_score_higher(some, more, grounded):
    assert score(some | more, grounded) <= score(some, grounded)


def test_a_reason_counts_once():
    assert score(["rag_failed", "rag_failed"], None) == score(["rag_failed"], None)


@pytest.mark.parametrize(
    ("reason", "known"), [("rag_failed", "rag_failed"), ("my_own", "other"), ("", "other")]
)
def test_unknown_reasons_become_other(reason, known):
    assert known_reason(reason) == known
