"""Splitting text into sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.retrieval.sentences import is_item, is_lead_in, is_row, split

PIECES = st.sampled_from(
    [
        "The end",
        "e.g.",
        "U.S.",
        "No. 5",
        "3.5",
        "J. R.",
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "| a | b |",
        ". ",
        "? ",
        ": ",
        "is",
    ]
)


@given(st.text() | st.lists(PIECES).map(" ".join) | st.lists(PIECES).map("".join))
def test_the_sentences_are_the_text(text: str) -> None:
    sentences = split(text)
    assert "".join(sentences) == text
    assert all(sentences)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is so. It was not.", ["It is so.", "It was not."]),
        ("See 21 CFR 807.92(a)(3). The rest follows.", ["See 21 CFR 807.92(a)(3).", "The rest follows."]),
        ("The U.S. Food and Drug Administration acts.", ["The U.S. Food and Drug Administration acts."]),
        ("It was sold in the U.S. The rule is old.", ["It was sold in the U.S.", "The rule is old."]),
        ("Use fruit, e.g. Apples, at 3.5 kg.", ["Use fruit, e.g. Apples, at 3.5 kg."]),
        ("See No. 5 and Fig. 3. Then go.", ["See No. 5 and Fig. 3.", "Then go."]),
        ("Dr. J. R. Smith wrote it. He knew.", ["Dr. J. R. Smith wrote it.", "He knew."]),
        ('He said "Done." She left!', ['He said "Done."', "She left!"]),
        ("Is it? Yes. 4 more came.", ["Is it?", "Yes.", "4 more came."]),
        ("It opens at 8 a.m. The door is red.", ["It opens at 8 a.m.", "The door is red."]),
        ("It needs 37.5 hours. Core hours: 10:00.", ["It needs 37.5 hours.", "Core hours: 10:00."]),
    ],
)
def test_prose(text: str, expected: list[str]) -> None:
    assert [sentence.strip() for sentence in split(text)] == expected


def test_each_item_and_row_is_a_sentence() -> None:
    text = "You need:\n\n- a pot;\n- a lid\n1. **Decision.** The goal is 90 days.\n| a. B | c |\n| d | e |\n"
    assert [sentence.strip() for sentence in split(text)] == [
        "You need:",
        "- a pot;",
        "- a lid",
        "1. **Decision.** The goal is 90 days.",
        "| a. B | c |",
        "| d | e |",
    ]


def test_wrapped_lines_are_one_sentence_and_separate_lines_are_not() -> None:
    text = "It is reviewed by the\nFood Administration and is\nwrapped.\nFault: pale; Cause: cold\nFault: flat; Cause: old\n"
    assert [sentence.strip() for sentence in split(text)] == [
        "It is reviewed by the\nFood Administration and is\nwrapped.",
        "Fault: pale; Cause: cold",
        "Fault: flat; Cause: old",
    ]


@pytest.mark.parametrize("mark", ["(2)", "b.", "(c)", "D)", "(E)", "ii.", "(iv)", "IX.", "(XII)"])
def test_numbers_of_items_are_no_sentences(mark: str) -> None:
    item = f"{mark} Wash the filter. Then dry it."
    assert is_item(item)
    assert split(item) == [item]


@pytest.mark.parametrize("prose", ["J. Smith signed it.", "Mix. Then wait.", "(see above) It is dry."])
def test_names_and_words_are_no_numbers_of_items(prose: str) -> None:
    assert not is_item(prose)


def test_the_kinds_of_sentences_are_distinguished() -> None:
    assert is_item("- a pot")
    assert is_item("12) a pot")
    assert not is_item("2.5 kg of flour")
    assert is_row("| a | b |")
    assert is_lead_in("You need:\n")
    assert not is_lead_in("You need: a pot.")


@pytest.mark.parametrize(
    "sentence",
    [
        "Die Lese begann am 29. August 2022 im Tal. ",
        "Der Vertrag endet zum 31. Dezember des Jahres. ",
        "Das Büro liegt im 3. Stock des Hauses. ",
        "Die 2. Mahnung kostet fünf Euro. ",
        "Tiere, z. B. Hunde, sind erlaubt. ",
        "Er haftet, d. h. Kosten trägt er selbst. ",
        "Das regelt § 5 Abs. 2 Nr. 3 der Satzung. ",
        "Er kostet ca. 20 Euro inkl. Mehrwertsteuer. ",
        "Der Umsatz betrug 3 Mio. Euro. ",
    ],
)
def test_ordinals_and_abbreviations_of_german_end_no_sentence(sentence):
    assert split(f"{sentence}Danach geht es weiter.") == [sentence, "Danach geht es weiter."]


def test_numbers_and_letters_still_end_sentences():
    assert split("Sie wurde 21. Danach zog sie um.") == ["Sie wurde 21. ", "Danach zog sie um."]
    assert split("Es gab 5. Das reicht.") == ["Es gab 5. ", "Das reicht."]
    assert split("Never mind. Take plan b. Go on.") == ["Never mind. ", "Take plan b. ", "Go on."]
