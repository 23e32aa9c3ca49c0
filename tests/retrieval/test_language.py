"""The language of a text is told by its words; English is assumed where nothing speaks against it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.retrieval.language import language_of

SENTENCES = {
    "sv": "Hur ofta ska man rengöra luftfiltret?",
    "de": "Was bedeutet dreimaliges rotes Blinken?",
    "fr": "Combien de jours de congé avons-nous par an ?",
    "nl": "Hoe vaak moet het filter worden schoongemaakt?",
    "es": "¿Cuántos días de vacaciones hay al año?",
    "it": "Quanti giorni di ferie abbiamo ogni anno?",
    "pl": "Ile dni urlopu przysługuje pracownikom w roku?",
    "ru": "Сколько дней отпуска в году?",
    "zh": "每年有多少天假期",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_is_in_its_language(code):
    assert language_of(SENTENCES[code]) == code


@pytest.mark.parametrize(
    "text",
    [
        "How often must the filter be cleaned?",
        "What is the dose?",
        "De Novo Classification Request",
        "Process validation",
        "RAG, LLM",
        "510(k) 21 CFR 820.30",
        "",
        "…",
    ],
)
def test_english_headings_and_names_are_english(text):
    assert language_of(text) == "en"


@given(st.text(max_size=200))
def test_any_text_has_a_language(text):
    assert language_of(text).isalpha()
