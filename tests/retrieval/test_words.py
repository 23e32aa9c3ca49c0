"""Content words, numbers and names."""

from __future__ import annotations

import pytest

from vital_shared.retrieval.words import (
    KEYWORDS_VERSION,
    content_words,
    coverage,
    keyword,
    names,
    numbers,
    spelt_numbers,
)


def test_forms_of_a_word_are_one() -> None:
    assert content_words("label labels labeling") == {"label"}
    assert content_words("applies apply applied") == {"appl"}
    assert content_words("The dog and the dogs, that is it.") == {"dog"}


def test_a_change_of_keywords_raises_their_version() -> None:
    """Indexes on disk hold the old forms: with another version they are built anew."""
    words = ["Labels", "Straße", "naïve", "The", "510", "k", "t", "İstanbul", "приложения", "蜂蜜", "studies"]
    assert [keyword(word) for word in words] == [
        "label", "straß", "naiv", "", "510", "k", "", "istanbul", "приложения", "蜂蜜", "stud",
    ]  # fmt: skip
    assert KEYWORDS_VERSION == 1


def test_coverage_is_the_share_of_the_wanted_words() -> None:
    assert coverage(content_words("ripe honey"), "Honey is sweet.") == 0.5
    assert coverage(frozenset(), "Honey is sweet.") == 1.0


def test_numbers_are_compared_by_value() -> None:
    assert numbers("1,000 or 2.50 or 3.0 of E42") == {"1000", "2.50", "3"}
    assert spelt_numbers("thirty days and Two") == {"30", "2"}


def test_names_are_capitalised_words_inside_a_sentence_and_acronyms_anywhere() -> None:
    assert names("FDA met Ingrid Vasa's team in January.") == {"fda", "ingrid", "vasa"}
    assert names("Honey is sweet.") == set()


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("Hur ofta ska filtren rengöras?", "Filtret rengörs varannan vecka.", 1),
        ("Wie lange darf ich die Bücher behalten?", "Ein Buch behält man drei Wochen.", 1),
        ("Combien de factures ont été payées ?", "La facture est payée chaque mois.", 2),
    ],
)
def test_words_of_other_languages_lose_their_own_endings(one, other, shared):
    assert len(content_words(one) & content_words(other)) >= shared


def test_words_without_meaning_are_left_out_in_other_languages():
    assert not content_words("Und wie ist es mit dem und der?") & {"und", "der", "dem", "ist"}
