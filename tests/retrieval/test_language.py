"""The language of a text shows in its words; English is assumed where nothing speaks against it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.retrieval import language
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


async def test_the_model_is_loaded_off_the_loop_and_only_where_it_is_needed(monkeypatch):
    threads = []

    @lru_cache(maxsize=1)
    def identifier():
        threads.append(threading.current_thread())

    monkeypatch.setattr(language, "_identifier", identifier)
    await language.load_for("What does the permit for the lower lake cover?", "Total: 42 kg")
    assert threads == []
    for _ in range(2):
        await language.load_for("Wie lange dauert die Pr\u00fcfung des Antrags auf F\u00f6rderung?")
    assert [thread is threading.main_thread() for thread in threads] == [False]


def test_threads_that_need_the_model_at_once_load_it_once(monkeypatch):
    loads = []
    two = threading.Barrier(2)

    class Identifier:
        @classmethod
        def from_model_file(cls, path):
            loads.append(path)
            return cls()

        def set_languages(self, codes):
            pass

    def need():
        two.wait(30)
        return language._identifier()

    monkeypatch.setattr("py3langid.langid.LanguageIdentifier", Identifier)
    language._identifier.cache_clear()
    language._loaded.cache_clear()
    try:
        with ThreadPoolExecutor(2) as pool:
            one, other = (pool.submit(need) for _ in range(2))
        assert one.result() is other.result()
        assert len(loads) == 1
    finally:
        language._identifier.cache_clear()
        language._loaded.cache_clear()
