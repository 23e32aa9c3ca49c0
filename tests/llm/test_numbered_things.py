"""Names that differ in their number alone, such as "wheel 2" and "wheel 3"."""

from __future__ import annotations

import pytest

from vital_shared.llm.answer_signals import closes_gate
from vital_shared.llm.numbered_things import (
    lacks_numbered_thing,
    names_numbered_thing,
    names_other_number,
)
from vital_shared.models.citation import Passage

LOG = (
    "Report 17 of 3 May 2022. Wheel 3 was stopped on 2 December 2023. Levels 1 to 4 are free. See rooms 5, 6 and 8. "
    "Kiln No. 41 is hot."
)


@pytest.mark.parametrize(
    "question",
    [
        "When was wheel 2 stopped?",
        "Who wrote report 19?",
        "What is in room no. 7?",
        "Where is Room 9?",
        "Who may see level 6?",
        "Where is kiln No. 14?",
    ],
)
def test_a_thing_of_another_number_is_not_there(question):
    assert lacks_numbered_thing(question, LOG)


@pytest.mark.parametrize(
    "question",
    [
        "When was wheel 3 stopped?",
        "What is in rooms 6 and 8?",
        "Who may see level 3?",
        "Who wrote reports in 2024?",
        "What happened on May 5?",
        "Which platform 4 is it?",
        "Do wheels hold 2 loads?",
        "Does the wheel 5 percent faster turn?",
    ],
)
def test_a_thing_of_that_number_and_amounts_and_dates_are_passed(question):
    text = "A platform." if "platform" in question else LOG
    assert not lacks_numbered_thing(question.replace("wheel 5 percent", "wheel, 5 percent"), text)


def test_an_ordinal_or_a_number_in_words_names_it_too():
    assert not lacks_numbered_thing("When does stage 2 end?", "Stage 1 ends at noon, the second stage later.")
    assert not lacks_numbered_thing("When does stage 2 end?", "Stage 1 ends at noon. Stage two ends later.")


def test_a_passage_about_another_thing_of_that_name_lacks_it():
    assert names_numbered_thing("Who stopped wheel 3?", "Wheel 3 was stopped.", LOG)
    assert not names_numbered_thing("How much was lost by wheel 3?", "On 3 May much was lost.", LOG)


def test_the_gate_closes_although_a_date_has_the_number():
    where = {"id": "1", "document_id": "d", "source": "memory", "uri": "log.md", "title": "Log"}
    passage = Passage(**where, text=LOG, score=5.0)
    assert closes_gate("When was wheel 2 stopped?", [passage])
    assert not closes_gate("When was wheel 3 stopped?", [passage])


def test_a_product_may_be_named_as_a_model_of_its_number():
    passages = ("Models 6 and 8 need a fuse.", "The Tarn 6 weighs 90 kg. The Tarn 9 weighs 99 kg.")
    assert names_numbered_thing("Which fuse does the Tarn 6 need?", passages[0], "\n".join(passages))
    assert not names_numbered_thing("Which fuse does the Tarn 9 need?", passages[0], "\n".join(passages))


@pytest.mark.parametrize(
    ("question", "sentence", "is_other"),
    [
        (
            "How often is the grille of the Tarn 80 vacuumed?",
            "Vacuum the grille of the Tarn 120 weekly.",
            True,
        ),
        (
            "How often is the grille of the Tarn 120 vacuumed?",
            "Vacuum the grille of the Tarn 120 weekly.",
            False,
        ),
        ("How often is the grille of the Tarn 80 vacuumed?", "Vacuum the grille weekly.", False),
        ("How high is the Tarn 80?", "The Tarn 120 is higher than the Tarn 80, which has 81 cm.", False),
        ("Who guards wheel 2?", "Wheels 1 to 3 are guarded by the miller.", False),
        ("Who guards wheel 2?", "Wheel 1 is guarded by the miller, the second wheel by his son.", False),
        ("What did it cost in May 2?", "In May 7 it was cheap.", False),
    ],
)
def test_a_sentence_about_the_same_thing_with_another_number_says_nothing(
    question: str, sentence: str, is_other: bool
) -> None:
    assert names_other_number(question, sentence) == is_other
