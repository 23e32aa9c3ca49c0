"""Things whose names have a number in them, and a word behind it."""

import pytest
from tests.retrieval.passages import passage

from vital_shared.llm.answer_signals import closes_gate
from vital_shared.llm.designations import lacks_designation

PUMPS = "The Tarn 12 Pro weighs 158 kg, the Tarn 6 and the Tarn 8 Lite 112 kg. On request: 20 Pro."


@pytest.mark.parametrize("question", ["How heavy is the Tarn 6 Pro?", "tarn 12 lite weight"])
def test_a_number_that_none_of_the_things_has_is_not_there(question):
    assert lacks_designation(question, PUMPS)
    assert closes_gate(question, [passage(PUMPS)])


@pytest.mark.parametrize(
    "question",
    [
        "How heavy is the Tarn 12 Pro?",
        "How heavy is the Tarn 8 lite?",
        "How heavy is the Tarn 20 Pro?",
        "How heavy is the Tarn 6?",
        "Who needs 6 Pro pumps?",
        "Is the Tarn 6 professional?",
    ],
)
def test_other_names_and_numbers_are_passed(question):
    assert not lacks_designation(question, PUMPS)


ROUTES = "Nordvik\u2013Ostra: 94 %. Ostra \u2013 Lund: 97 %. Lund\u2013Kalm: 80 %. From Kalm to Ostra the ship sails at 9."


def test_a_pair_of_names_that_only_stand_in_others_is_not_there():
    assert lacks_designation("punctuality of Nordvik-Lund", ROUTES)
    assert closes_gate("How punctual is Nordvik\u2013Kalm?", [passage(ROUTES)])


@pytest.mark.parametrize(
    "question",
    [
        "punctuality of Nordvik-Ostra",
        "How punctual is Lund\u2013Ostra?",
        "When does Kalm\u2013Ostra sail?",
        "How long is Nordvik\u2013Bergen?",
        "Is the Saint-Lund church old?",
        "Which ships sail from Nordvik to Lund?",
    ],
)
def test_other_pairs_are_passed(question):
    assert not lacks_designation(question, ROUTES)
