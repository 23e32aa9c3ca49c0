"""Which things a question asks for by name."""

from __future__ import annotations

import pytest

from vital_shared.llm.asked_things import asked_things


@pytest.mark.parametrize(
    ("question", "things"),
    [
        ("Which supplier delivers the gloves?", ("supplier",)),
        ("What kind of oil does it need?", ("oil",)),
        ("catalogue number of the blue pump", ("catalogue",)),
        ("What is the salary of the clerk?", ("salary",)),
        ("How many lockers are there?", ("lockers",)),
    ],
)
def test_the_noun_after_the_question_word_is_asked_for(question: str, things: tuple[str, ...]) -> None:
    assert asked_things(question) == things


@pytest.mark.parametrize(
    "question",
    ["date of birth", "What time does it close?", "Who runs it?", "Is it open?", "What happens then?"],
)
def test_what_an_answer_need_not_repeat_is_not(question: str) -> None:
    assert asked_things(question) == ()
