"""The tuning in force for a question."""

import pytest

from vital_shared.models.retrieval_tuning import RetrievalTuning
from vital_shared.retrieval.tunings import answer_from_for

ENGLISH = "How long may one keep a book from the library?"
GERMAN = "Wie lange darf man ein Buch aus der Bibliothek behalten?"


@pytest.mark.parametrize(
    ("tuning", "english", "german"),
    [
        (RetrievalTuning(), None, None),
        (RetrievalTuning(answer_from=0.4), 0.4, 0.4),  # tuned before thresholds had a language
        (RetrievalTuning(answer_from=0.4, answer_language="en"), 0.4, None),
        (RetrievalTuning(answer_from=0.4, answer_language="de"), None, 0.4),
    ],
)
async def test_a_threshold_is_for_the_language_that_it_was_chosen_on(tuning, english, german):
    assert await answer_from_for(ENGLISH, tuning) == english
    assert await answer_from_for(GERMAN, tuning) == german
