"""Words of a question that a sentence denies."""

from __future__ import annotations

import pytest
from tests.retrieval.passages import passage

from vital_shared.llm.answer_signals import Logits, signals
from vital_shared.llm.denied_words import denies_words
from vital_shared.llm.known_words import content_word_list
from vital_shared.llm.pieces import pieces


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Which polish suits the oak table?", "Dust the oak table weekly with a soft cloth without polish."),
        ("Which ministry owns the lighthouse?", "The lighthouse is owned by a trust, not by the ministry."),
        ("Which ministry owns the lighthouse?", "The lighthouse is owned by a trust not by the ministry."),
        ("What rate does the loan have?", "The loan is given once a year, and there is no rate."),
        ("When is the archery lesson?", "There is no archery lesson."),
    ],
)
def test_a_word_that_only_a_denying_clause_has_is_denied(question: str, sentence: str) -> None:
    assert denies_words(sentence, content_word_list(question))


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Which cloth suits the oak table?", "Dust the oak table with a soft cloth without polish."),
        ("Who owns the lighthouse?", "The lighthouse is owned by a trust, not by the ministry."),
        ("How long is the loan?", "The loan is long, but it is no gift."),
        ("How many guests may stay?", "No more than four guests may stay."),
    ],
)
def test_a_denial_of_something_else_denies_no_word(question: str, sentence: str) -> None:
    assert not denies_words(sentence, content_word_list(question))


def test_a_denial_counts_with_the_sentence_that_says_of_what() -> None:
    """Who reads "It is without a bell tower." needs the sentence before, and a clause of that may deny too."""
    chapel = passage("The chapel has no organ. It dates from 1911.", title="Chapel")
    _, dated = pieces(chapel)
    found = signals("Who built the organ of the chapel?", dated, chapel.text, [chapel], Logits(1.0, 1.0, 1.0))
    assert found["denied"] == 1.0
