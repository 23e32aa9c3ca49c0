"""Words without their endings."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
import snowballstemmer

from vital_shared.retrieval.stems import stem

PARTS = (
    ("haus", "kinder", "freund", "regel", "wander", "vergleich", "ordnung"),
    ("lich", "bar", "schaft", "ungen", ""),
    ("keiten", "heit", "en", "er", "es", ""),
)
WORDS = ["".join(parts) for parts in product(*PARTS)]


@pytest.fixture
def eager_threads():
    """Threads that take turns as often as the interpreter allows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_that_stem_at_once_get_the_stems_of_their_own_words(eager_threads):
    alone = snowballstemmer.stemmer("german")
    expected = [alone.stemWord(word) for word in WORDS]

    def stems(_):
        return [stem.__wrapped__(word, "de") for word in WORDS]

    with ThreadPoolExecutor(4) as threads:
        assert all(result == expected for result in threads.map(stems, range(16)))


def test_a_language_without_a_stemmer_keeps_its_words():
    assert stem("houses", "xx") == "houses"
