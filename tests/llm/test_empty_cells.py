"""Questions for cells of a table that are empty in the row that they name."""

import pytest
from tests.retrieval.passages import passage

from vital_shared.llm.answer_signals import closes_gate
from vital_shared.llm.empty_cells import asks_for_empty_cell

TABLE = passage(
    "Who to ask about what:\n"
    "Topic: Recruitment; Person: Tom Delacroix; Room: B 114; Extension (internal): 2230\n"
    "Topic: Payroll; Person: Marion Ashe; Room: B 116; Extension (internal): 2217\n"
    "Topic: Works council; Person: Petra Lindqvist; Room: C 201",
    title="Contacts",
)


@pytest.mark.parametrize(
    "question", ["What is Petra Lindqvist's extension?", "Which extension does the works council have?"]
)
def test_a_cell_that_is_empty_in_the_row_that_is_named_closes_the_gate(question):
    assert asks_for_empty_cell(question, [TABLE])
    assert closes_gate(question, [TABLE])


@pytest.mark.parametrize(
    "question",
    [
        "What is Marion Ashe's extension?",
        "Which room is Petra Lindqvist in?",
        "Which person has extension 2217?",
        "Which extensions are there?",
        "Who is Petra Lindqvist?",
        "What is the telephone number of Petra Lindqvist?",
    ],
)
def test_other_questions_about_a_table_do_not(question):
    assert not asks_for_empty_cell(question, [TABLE])


def test_a_row_that_is_not_told_from_another_says_nothing():
    twins = passage(
        "Name: Ann; Day: Monday; Fee: 30\nName: Ann; Day: Friday\nName: Bob; Day: Friday; Fee: 20"
    )
    assert not asks_for_empty_cell("What is Ann's fee?", [twins])


PUMPS = passage(
    "Model: Tarn 8; Output: 8 kW; Price: 700\nModel: Tarn 12; Output: 12 kW\n"
    "Model: Tarn 12 Pro; Output: 13 kW; Price: 900\nModel: Tarn 12 Mini; Output: 11 kW; Price: 600"
)


def test_a_row_whose_name_begins_that_of_others_is_known_by_its_whole_name():
    assert asks_for_empty_cell("What is the price of the Tarn 12?", [PUMPS])
    for question in ("What is the price of the Tarn 12 Pro?", "What is the output of the Tarn 12?"):
        assert not asks_for_empty_cell(question, [PUMPS])


def test_text_without_a_table_says_nothing():
    assert not asks_for_empty_cell("What is the extension?", [passage("Note: ask. The extension is 3.")])
    assert not asks_for_empty_cell("What is the extension?", [])
