"""Prices in whatever currency."""

from __future__ import annotations

import pytest

from vital_shared.llm.german_questions import asked_attribute as asked_attribute_in_german
from vital_shared.llm.question_kinds import asked_attribute


@pytest.mark.parametrize(
    "text",
    [
        "It is CHF 120.",
        "It is 120 kr.",
        "It is 25EUR.",
        "₹120 each",
        "120 zł",
        "Science (kEUR): 960",
        "9 rupees",
    ],
)
def test_a_price_is_stated_in_any_currency(text):
    for attribute in (
        asked_attribute("What does it cost?").stated,
        asked_attribute_in_german("Was kostet es?"),
    ):
        assert attribute.search(text)


@pytest.mark.parametrize(
    "text", ["It is 120 m high.", "A friend of Fritz has 2 krakens.", "Grand and random."]
)
def test_other_words_state_none(text):
    assert not asked_attribute("What does it cost?").stated.search(text)
