"""Words of documents, looked up as a reader would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.llm.known_words import KnownWords

NOTICE = KnownWords(
    "In the port of Ellingsea a berth costs 20 euros. The crane D204 weighs 12 tonnes. Harbour master: Tomas Reyes."
)


@pytest.mark.parametrize(
    "word", ["berth", "berths", "costing", "weigh", "heavy", "price", "bearth", "bertsh", "d204"]
)
def test_other_endings_other_words_and_slips_of_typing_are_known(word: str) -> None:
    assert NOTICE.has(word)


@pytest.mark.parametrize("word", ["sauna", "d240", "ellingham", "reyer", "21"])
def test_other_things_and_look_alike_names_are_not(word: str) -> None:
    assert not NOTICE.has(word)


@pytest.mark.parametrize("word", ["ellingsee", "reyer", "thomas", "d240"])
def test_a_name_that_differs_in_a_letter_or_two_looks_alike(word: str) -> None:
    assert NOTICE.looks_like(word)


@pytest.mark.parametrize("word", ["sauna", "berthe", "ferry"])
def test_what_is_no_name_does_not(word: str) -> None:
    assert not NOTICE.looks_like(word)


def test_an_acronym_is_spelt_out_by_words_that_follow_each_other() -> None:
    minutes = KnownWords("The annual general meeting elects the head of the board.")
    assert minutes.spells_out("agm")
    assert minutes.spells_out("hotb")
    assert not minutes.spells_out("agx")


@given(st.text(max_size=200), st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=20))
def test_any_text_may_be_looked_up_in_any_other(text: str, word: str) -> None:
    known = KnownWords(text)
    assert known.has(word.lower()) or not known.has_exactly(word.lower())
    assert known.looks_like(word.lower()) in {True, False}


def test_a_word_that_opens_a_sentence_is_no_name() -> None:
    known = KnownWords("Submersible pump for wells. The Tarnow 300 is quiet.")
    assert not known.looks_like("submersable")
    assert known.has("submersable")
    assert known.looks_like("tarnov")
