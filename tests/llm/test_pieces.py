"""Passages as pieces that can be quoted."""

from __future__ import annotations

from tests.retrieval.passages import passage

from vital_shared.llm.pieces import PassagePiece, pieces


def texts(text: str) -> list[str]:
    return [piece.text for piece in pieces(passage(text))]


def with_list(text: str, index: int = 0) -> PassagePiece:
    return pieces(passage(text))[index].with_list


def test_every_quote_stands_in_the_passage_and_every_text_reads_without_marks() -> None:
    text = (
        "# Title\n\nIt is **very** old. It has *two* parts:\n\n- the **tower**;\n- the bell.\n\nIt is open.\n"
    )
    source = passage(text)
    found = pieces(source)
    assert all(piece.quote in source.text for piece in found)
    assert [piece.text for piece in found] == [
        "It is very old.",
        "It has two parts:",
        "the tower;",
        "the bell.",
        "It is open.",
    ]


def test_a_lead_in_can_be_quoted_with_its_marked_list() -> None:
    piece = with_list("You need:\n\n- a pot;\n- a lid. It must fit.\n\nThen cook.")
    assert piece.text == "You need:\n- a pot;\n- a lid: It must fit."
    assert piece.quote == "You need:\n\n- a pot;\n- a lid. It must fit."


def test_a_list_without_marks_ends_where_its_punctuation_says() -> None:
    assert with_list("You need:\na pot;\na lid.\nFill the pot. Cook.").text == "You need:\n- a pot;\n- a lid."


def test_announced_lines_belong_to_their_announcement() -> None:
    text = "It is judged by two qualities.\nRelevance means this.\nReliability means that.\nMore follows."
    assert (
        with_list(text).text
        == "It is judged by two qualities.\n- Relevance means this.\n- Reliability means that."
    )
    assert with_list("It lasts three working days.\nIt is old.").list_end is None


def test_a_sentence_without_a_list_stays_alone() -> None:
    piece = with_list("It is old. It is red.")
    assert piece.text == "It is old."


def test_rows_name_their_columns() -> None:
    table = "| Fault | Remedy |\n|---|---|\n| Pale crust | More heat |\n| Flat loaf | |\n"
    assert texts(table) == ["Fault: Pale crust; Remedy: More heat", "Fault: Flat loaf"]


def test_the_heading_of_an_item_leads_it_in() -> None:
    assert texts("2. **Decision.** The goal is 90 days.") == ["Decision: The goal is 90 days."]


TABLE = "Drug\nAdult dose\nChild dose\nAbacol\n500 mg\n250 mg\nBentrix\n10 mg\nAll doses are oral.\n"


def test_bare_cells_of_a_pdfs_table_are_not_quoted() -> None:
    source = passage(TABLE).model_copy(update={"uri": "doses.PDF"})
    assert [piece.text for piece in pieces(source)] == ["All doses are oral."]


def test_a_list_without_marks_in_a_pdf_is_quoted() -> None:
    text = "You need:\nOne pot\nOne lid\nOne spoon\nOne stove\n"
    source = passage(text).model_copy(update={"uri": "pot.pdf"})
    assert pieces(source)[0].with_list.text == "You need:\n- One pot\n- One lid\n- One spoon\n- One stove"


def test_short_lines_of_another_document_are_quoted() -> None:
    assert len(texts(TABLE)) > 5
