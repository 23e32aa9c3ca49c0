"""Questions that take a change for granted, where the documents say the opposite."""

from __future__ import annotations

import pytest

from vital_shared.llm.changes import contradicts_change
from vital_shared.llm.known_words import KnownWords, content_word_list
from vital_shared.retrieval.language import ENGLISH, GERMAN


def contradicts(question: str, sentence: str, language: str = ENGLISH) -> bool:
    words = content_word_list(question)
    return contradicts_change(
        question, sentence, lambda clause: sum(map(KnownWords(clause).has, words)), language
    )


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Why did sales fall in 2024?", "Sales rose by 4 % in 2024, chiefly because of the new shops."),
        ("By how much did the punctuality of trams improve?", "The punctuality of trams fell to 88 %."),
        ("How much have water losses grown?", "Water losses sank to 9 %, while prices rose."),
    ],
)
def test_a_change_in_the_other_direction_contradicts(question: str, sentence: str) -> None:
    assert contradicts(question, sentence)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Why did sales fall in 2024?", "Sales fell in 2024, although prices rose."),
        ("Why did sales fall in 2024?", "The ratio of equity rose."),
        ("Why did sales fall in 2024?", "In 2024 two shops were closed."),
        ("What are sales in 2024?", "Sales rose by 4 % in 2024."),
        ("Did sales fall in 2024?", "Sales rose by 4 % in 2024."),
        ("How can I reduce the pressure?", "The pressure rises if the valve is closed."),
        ("Why did sales rise after the fall of 2023?", "Sales fell in 2023."),
    ],
)
def test_other_sentences_do_not(question: str, sentence: str) -> None:
    assert not contradicts(question, sentence)


def test_german_changes_are_known_too() -> None:
    assert contradicts("Warum stieg der Verbrauch?", "Der Verbrauch sank auf 118 Liter.", GERMAN)
    assert contradicts(
        "Um wie viel haben die Verluste zugenommen?", "Die Verluste sind zurückgegangen.", GERMAN
    )
    assert not contradicts("Warum sank der Verbrauch?", "Der Verbrauch ist gesunken.", GERMAN)
    assert not contradicts("Wie viel Wasser fiel?", "Es fiel viel Wasser, der Pegel stieg.", GERMAN)
