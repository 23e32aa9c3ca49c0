"""Best sentences that are rows of a table for other things than the one that is asked for."""

import pytest
from tests.retrieval.passages import passage

from vital_shared.llm.answer_signals import closes_gate
from vital_shared.llm.other_rows import asks_for_other_row

TABLE = passage(
    "Branch: Shops; Sales: 341; Profit: 13; Manager: Ann Olsen\nBranch: Post; Sales: 44; Profit: 2; Manager: Bo Lund",
    title="Branches",
)
SHOPS, POST = TABLE.text.splitlines()


@pytest.mark.parametrize("question", ["What is the profit of the pharmacy?", "sales of the bakery branch"])
def test_a_row_says_nothing_of_a_thing_that_no_passage_has(question: str) -> None:
    assert asks_for_other_row(question, SHOPS, [TABLE])
    assert closes_gate(question, [TABLE], SHOPS)
    assert not closes_gate(question, [TABLE])


@pytest.mark.parametrize(
    ("question", "row"),
    [
        ("What is the profit of the shops, altogether?", SHOPS),
        ("Who is the manager of the post, thankfully?", POST),
        ("Whom does Ann Olsen obey?", SHOPS),
        ("What is the highest profit?", SHOPS),
        ("What is the profit of adults?", SHOPS),
        ("How much does the post lavish on its sales?", SHOPS),
        ("What is the profit of the pharmacy?", "The profit of the shops was 13."),
        ("Wie hoch ist der Gewinn der Apotheken und der Läden?", SHOPS),
    ],
)
def test_a_row_that_is_named_or_all_of_whose_words_are_known_may_answer(question: str, row: str) -> None:
    assert not asks_for_other_row(question, row, [TABLE])
