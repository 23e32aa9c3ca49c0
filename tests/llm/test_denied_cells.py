"""Questions for cells that deny what is asked for, or that other tables have."""

import pytest
from tests.retrieval.passages import passage

from vital_shared.llm.answer_signals import closes_gate
from vital_shared.llm.denied_cells import asks_for_denied_cell, asks_for_foreign_column

COURSES = passage(
    "Course: Pottery; Teacher: Ann Webb; Certificate: yes; Fee: 40 pounds\n"
    "Course: Life drawing; Teacher: Tom Hale; Certificate: not issued; Fee: none",
    title="Courses",
)
CAMERAS = passage(
    "Weight; Lumo 5: 310 g; Lumo 5 B: 330 g\nFlash; Lumo 5: none; Lumo 5 B: guide number 12", title="Cameras"
)
BOATS = passage(
    "Boat: Tern (rowing boat); Persons: 4; Deposit: not needed\nBoat: Gull (sailing boat); Persons: 3; Deposit: needed",
    title="Boats",
)
CARE = passage(
    "Part: Filter; Interval: weekly; Work: rinse\nPart: Seal; Interval: yearly; Work: replace", title="Care"
)
PARTS = passage(
    "Part: Filter; Order code: F-1; Price: 4\nPart: Pump; Order code: P-1; Price: 40", title="Parts"
)


@pytest.mark.parametrize(
    ("question", "table"),
    [
        ("What certificate does life drawing have?", COURSES),
        ("Which flash does the Lumo 5 have?", CAMERAS),
        ("Which deposit does the rowing boat need?", BOATS),
    ],
)
def test_a_cell_that_denies_what_is_asked_for_closes_the_gate(question, table):
    assert asks_for_denied_cell(question, [table])
    assert closes_gate(question, [table])


@pytest.mark.parametrize(
    ("question", "table"),
    [
        ("Does life drawing have a certificate?", COURSES),
        ("How much is the fee for life drawing?", COURSES),
        ("What certificate does pottery have?", COURSES),
        ("Which teacher does life drawing have?", COURSES),
        ("Which flash does the Lumo 5 B have?", CAMERAS),
        ("What is the weight of the Lumo 5?", CAMERAS),
        ("Which certificate is there?", COURSES),
        ("Which deposit does the sailing boat need?", BOATS),
    ],
)
def test_other_questions_about_such_a_table_do_not(question, table):
    assert not asks_for_denied_cell(question, [table])


def test_a_column_that_only_another_table_has_closes_the_gate():
    question = "What is the order code of the seal?"
    assert asks_for_foreign_column(question, [CARE, PARTS])
    assert closes_gate(question, [CARE, PARTS])


@pytest.mark.parametrize(
    "question",
    [
        "What is the order code of the filter?",
        "What is the interval of the seal?",
        "Which part has the order code P-1?",
        "What is the price?",
    ],
)
def test_a_column_of_the_row_does_not(question):
    assert not asks_for_foreign_column(question, [CARE, PARTS])


def test_a_sentence_may_say_what_the_table_lacks():
    stated = passage("The seal has the order code S-1.")
    assert not asks_for_foreign_column("What is the order code of the seal?", [CARE, PARTS, stated])


def test_text_without_tables_says_nothing():
    text = [passage("There is no flash.")]
    assert not asks_for_denied_cell("Which flash does it have?", text)
    assert not asks_for_foreign_column("Which flash does it have?", text)
    assert not asks_for_denied_cell("Which flash?", [])
