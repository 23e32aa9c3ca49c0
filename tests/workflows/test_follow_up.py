import pytest

from vital_shared.models.message import Message
from vital_shared.workflows.follow_up import standalone


def said(*texts: str) -> list[Message]:
    return [Message(role=("user", "assistant")[i % 2], content=text) for i, text in enumerate(texts)]


FIRST = "How long does the review of a class II device take?"


@pytest.mark.parametrize(
    "question",
    [
        "and for class III?",
        "What about class III?",
        "Why?",
        "Who pays for it?",
        "class III",
        "Is that the same in Europe?",
        "How much does it cost there?",
    ],
)
def test_a_question_that_leans_gets_what_it_leans_on(question):
    assert standalone(question, said(FIRST, "90 days.")) == f"{FIRST} {question}"


@pytest.mark.parametrize(
    "question",
    [
        "Which documents does a sponsor have to submit before a clinical trial of a new medicine can begin?",
        "How long must manufacturers keep records of adverse events after the last sale of a device?",
    ],
)
def test_a_question_that_stands_alone_is_left_as_it_is(question):
    assert standalone(question, said(FIRST, "90 days.")) == question


def test_a_chain_of_follow_ups_goes_back_to_its_beginning():
    history = said(FIRST, "90 days.", "and for class III?", "180 days.")
    assert standalone("and for software?", history) == f"{FIRST} and for class III? and for software?"


def test_without_a_history_nothing_changes():
    assert standalone("and now?", ()) == "and now?"
