"""Which questions count as the same in other words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cache.near_questions import NOT_SAME, NOT_SAME_LATER, SAME, SAME_LATER

from vital_shared.cache.paraphrase import is_paraphrase
from vital_shared.retrieval.embedding import Embedder
from vital_shared.retrieval.pinned_models import BGE_SMALL
from vital_shared.settings import Settings


@pytest.mark.parametrize(("one", "other"), NOT_SAME + NOT_SAME_LATER)
def test_what_only_nearly_asks_the_same_does_not(one, other):
    assert not is_paraphrase(one, other)
    assert not is_paraphrase(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I reset my password?", "how can i reset my password"),
        ("What is a 510(k)?", "Could you explain a 510(k)?"),
        ("Which documents do I need for a visa?", "What documents are required for a visa?"),
        ("When does the store open?", "At what time does the shop open?"),
    ],
)
def test_some_that_ask_the_same_do(one, other):
    assert is_paraphrase(one, other)


async def test_precision_is_at_least_99_percent_at_the_default_threshold(model_folders):
    """`bench/similar.py` prints the whole table."""
    embedder, threshold = Embedder(model_folders[BGE_SMALL.name]), Settings().cache_similarity

    async def counts(pairs):
        found = 0
        for pair in pairs:
            one, other = await embedder.embed_passages(pair)
            found += float(one @ other) >= threshold and is_paraphrase(*pair)
        return found

    right, wrong = await counts(SAME + SAME_LATER), await counts(NOT_SAME + NOT_SAME_LATER)
    assert right / (right + wrong) >= 0.99
    assert right >= 35


@given(st.text(max_size=200), st.text(max_size=200))
def test_it_is_the_same_in_either_order_and_a_question_asks_what_it_asks(one, other):
    assert is_paraphrase(one, one)
    assert is_paraphrase(one, other) == is_paraphrase(other, one)


@given(
    st.from_regex(r"[a-z]{3,9}( [a-z]{3,9}){1,6}", fullmatch=True), st.integers(0, 999), st.integers(0, 999)
)
def test_other_numbers_are_another_question(words, one, other):
    assert is_paraphrase(f"What is {words} {one}?", f"What is {words} {other}?") == (one == other)
