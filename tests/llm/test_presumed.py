"""Presuppositions of questions, as statements."""

from __future__ import annotations

import pytest

from vital_shared.llm.presumed import presumed


@pytest.mark.parametrize(
    ("question", "statement"),
    [
        ("How much did the insurance pay for the stage?", "The insurance pay for the stage."),
        ("Who replaced Ruth Okonjo as chair?", "Somebody replaced Ruth Okonjo as chair."),
        ("Who is the youth representative?", "There is the youth representative."),
        ("Whom do I call at night?", "I call at night."),
        ("Who can vote by letter?", "Somebody can vote by letter."),
        ("How many boats were at the regatta in 2024?", "Boats were at the regatta in 2024."),
        ("How many racks are there in hall 3?", "There are racks in hall 3."),
        ("How large is the joining fee?", "There is the joining fee."),
        ("How many lockers does the club have?", "The club have lockers."),
        (
            "What is the surcharge for deliveries on Saturday?",
            "There is the surcharge for deliveries on Saturday.",
        ),
        ("what does the chair earn", "The chair earn something."),
        ("What happened at the lock?", "Happened at the lock."),
        ("What can be hired by the hour?", "Something can be hired by the hour."),
        ("Which prices applied in 2019?", "Prices applied in 2019."),
        ("When does the harvest market open?", "The harvest market open."),
        ("Who's the vice-chair?", "There is the vice-chair."),
        ("What is there for children?", "There is something for children."),
    ],
)
def test_a_question_takes_its_own_words_for_granted(question: str, statement: str) -> None:
    assert presumed(question) == statement


@pytest.mark.parametrize(
    "question",
    [
        "Is there a joining fee?",
        "Why was there no regatta in 2024?",
        "How do I keep the pump from freezing?",
        "floor sander price per day",
        "What?",
        "",
    ],
)
def test_a_question_that_a_denial_may_answer_takes_nothing_for_granted(question: str) -> None:
    assert presumed(question) is None
