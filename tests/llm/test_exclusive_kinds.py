"""Questions for a kind of thing beside those that the documents have."""

import pytest
from tests.retrieval.passages import passage

from vital_shared.llm.answer_signals import closes_gate
from vital_shared.llm.exclusive_kinds import asks_for_other_kind

HOSTEL = passage(
    "The green locker costs 2 pounds a night, the red one 3 pounds. Breakfast is 7 pounds and served until ten. "
    "A dog sleeps in the yard for 5 pounds. Bicycles stand in the shed. The gate is made of steel.",
    title="Hostel",
)
HERBERGE = passage(
    "Der grüne Schrank kostet 2 Euro, der rote 3 Euro. Das Frühstück gibt es bis zehn Uhr. "
    "Die Hundesteuer zahlt der Halter, ein Hund schläft im Hof. Der Stadtbus hält vor der Tür, Autos parken im Hof.",
    title="Herberge",
)


@pytest.mark.parametrize(
    "question",
    [
        "What does the yellow locker cost?",
        "How much is dinner?",
        "Where does a cat sleep?",
        "Where can I leave my motorbike?",
        "May I bring a rabbit?",
    ],
)
def test_another_kind_than_the_passages_have_closes_the_gate(question: str) -> None:
    assert asks_for_other_kind(question, [HOSTEL])
    assert closes_gate(question, [HOSTEL])


@pytest.mark.parametrize(
    "question",
    [
        "What does the green locker cost?",
        "Until when is breakfast served?",
        "Where do dogs sleep?",
        "Where can I leave my bike?",
        "Is there a locker in blue?",
        "Is the gate made of wood?",
        "How much does the locker cost?",
    ],
)
def test_kinds_that_are_there_and_choices_do_not(question: str) -> None:
    assert not asks_for_other_kind(question, [HOSTEL])


@pytest.mark.parametrize(
    "question", ["Was kostet der gelbe Schrank?", "Wann gibt es das Abendessen?", "Wo schläft eine Katze?"]
)
def test_another_kind_closes_the_gate_in_german(question: str) -> None:
    assert asks_for_other_kind(question, [HERBERGE])


@pytest.mark.parametrize(
    "question", ["Was kostet der rote Schrank?", "Wer zahlt für meine Hunde?", "Wo hält ein Bus der Stadt?"]
)
def test_kinds_within_compounds_are_known_in_german(question: str) -> None:
    assert not asks_for_other_kind(question, [HERBERGE])


def test_a_word_for_all_kinds_means_each_of_them() -> None:
    rules = passage("Dogs are kept on a lead. Other animals stay outside.")
    assert not asks_for_other_kind("Where do I leave my cat?", [rules])


def test_any_of_the_passages_may_have_it() -> None:
    assert not asks_for_other_kind("How much is dinner?", [HOSTEL, passage("Dinner is 12 pounds.")])
    assert not asks_for_other_kind("How much is dinner?", [])


def test_passages_without_any_kind_say_nothing() -> None:
    assert not asks_for_other_kind("How much is dinner?", [passage("The room is 40 pounds.")])
