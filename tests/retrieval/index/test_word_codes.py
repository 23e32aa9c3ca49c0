"""Words in several languages, by the codes of their stems."""

from __future__ import annotations

import unicodedata

import pytest

from vital_shared.retrieval.index.postings import Postings
from vital_shared.retrieval.index.word_codes import language_in, question_codes, word_codes

GERMAN = "Die Gebühren für die verlängerten Ausleihen werden monatlich von den Bibliotheken festgelegt."
SWEDISH = "Avgifterna för de förlängda lånen bestäms varje månad av biblioteken i kommunen."
ENGLISH = "The fees for extended loans are set each month by the libraries of the town."


@pytest.mark.parametrize(
    ("passage", "question"),
    [
        (GERMAN, "Gebühr"),
        (GERMAN, "gebuehr Verlängerung der Ausleihe"),
        (GERMAN, "Welche Bibliothek?"),
        (SWEDISH, "avgift"),
        (SWEDISH, "vilket bibliotek"),
        (ENGLISH, "library fee"),
        (
            "Les abonnements annuels des lecteurs sont remboursés après une maladie prolongée.",
            "abonnement annuel",
        ),
        ("Продление абонементов оформляется в библиотеках города каждый месяц.", "библиотека"),
    ],
)
def test_other_forms_of_a_word_are_found_in_its_language(passage: str, question: str) -> None:
    postings = Postings.of([("", "", passage), ("", "", ENGLISH)])
    codes = question_codes(question, postings.languages, most_words=64)
    assert any(0 in postings.matches(code).rows for code in codes)


def test_the_languages_of_the_rows_are_known_and_survive_a_join() -> None:
    parts = [Postings.of([("", "", text)]) for text in (GERMAN, SWEDISH, ENGLISH)]
    assert [part.languages for part in parts] == [("de",), ("sv",), ()]
    joined = Postings.joined(parts, lambda _, shape, dtype: __import__("numpy").empty(shape, dtype))
    assert joined.languages == ("de", "sv")


def test_a_letter_and_its_mark_are_one_sign_or_two() -> None:
    apart = unicodedata.normalize("NFD", GERMAN)
    assert word_codes(apart, "de").tolist() == word_codes(GERMAN, "de").tolist()
    assert word_codes("naïve".upper()).tolist() == word_codes("naive").tolist()


def test_words_without_meaning_are_left_out_in_each_language() -> None:
    assert word_codes("die für von den", "de").size == 0
    assert question_codes("the of and", [], most_words=64) == []


def test_a_question_is_cut_after_its_words_and_not_its_forms() -> None:
    words = [f"Gebühr{n}" for n in range(100)]
    codes = question_codes(" ".join(words), ["de", "sv"], most_words=64)
    assert len(codes) >= 64
    assert codes == question_codes(" ".join(words[:64]), ["de", "sv"], most_words=64)


def test_a_language_without_a_stemmer_is_read_as_before() -> None:
    assert language_in("Biblioteka pobiera opłaty za przedłużenie wypożyczenia książek.") == "en"
