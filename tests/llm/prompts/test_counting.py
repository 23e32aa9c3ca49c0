"""Tokens are counted with a real vocabulary, or bounded where there is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.llm.prompts.counting import (
    EXACT_CHARACTERS,
    WordPieces,
    at_most,
    count_roughly,
    estimate_tokens,
)
from vital_shared.retrieval.pinned_models import BGE_SMALL


def test_words_are_counted_in_pieces(model_folders):
    count = WordPieces(model_folders[BGE_SMALL.name])
    assert count("") == 0
    assert count("The review takes days.") == 5
    assert count("antidisestablishmentarianism") > 3


def test_a_long_text_is_counted_to_its_end(model_folders):
    count = WordPieces(model_folders[BGE_SMALL.name])
    assert count("word " * 3_000) == 3_000  # far more than the embedded model itself reads


def test_a_text_is_counted_once(model_folders, monkeypatch):
    count = WordPieces(model_folders[BGE_SMALL.name])
    assert count("once") == 1
    monkeypatch.setattr(count, "_tokenizer", None)
    monkeypatch.setattr(count, "_path", None)
    assert count("once") == 1


@given(st.text())
def test_without_a_vocabulary_the_bytes_are_the_bound(text):
    assert at_most(text) >= len(text)
    assert at_most("\ud800") >= 1  # half a character is no reason to fail


def test_a_very_long_text_is_counted_by_samples():
    counted = []

    def count(text):
        counted.append(len(text))
        return len(text.split())

    text = "word " * 200_000
    assert abs(count_roughly(count, text) / 200_000 - 1) < 0.01
    assert sum(counted) <= EXACT_CHARACTERS


@given(st.text(max_size=200))
def test_a_usual_text_is_counted_whole(text):
    assert count_roughly(len, text) == len(text)


@pytest.mark.parametrize(
    ("text", "tokens"),  # as OpenAI's o200k_base counts them
    [
        ("The review of a 510(k) takes 90 days, which FDA may extend.", 17),
        ("Die Prüfung eines Antrags dauert neunzig Tage.", 11),
        ("Проверка заявки занимает девяносто дней.", 10),
        ("审查需要九十天。", 7),
        ("การตรวจสอบใช้เวลาเก้าสิบวัน", 13),
        ("👍👍🏽👩‍⚕️", 9),
    ],
)
def test_without_a_vocabulary_a_text_is_estimated_within_a_factor_of_three(text, tokens):
    assert tokens / 3 <= estimate_tokens(text) <= tokens * 3


@given(st.text())
def test_an_estimate_is_within_the_bound_and_nothing_only_for_nothing(text):
    assert bool(text) <= estimate_tokens(text) <= at_most(text)


@pytest.mark.parametrize("text", ["การตรวจสอบใช้เวลาเก้าสิบวัน" * 50, "QmFzZTY0IHRleHQ" * 1_000, "ᠮᠣᠩᠭᠣᠯ" * 200])
def test_what_the_vocabulary_does_not_know_counts_too(model_folders, text):
    assert WordPieces(model_folders[BGE_SMALL.name])(text) >= estimate_tokens(text) // 2
