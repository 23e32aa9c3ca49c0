"""Letters that are raised or struck out in tables and rich texts are read as such."""

import pytest
from tests.retrieval.ingest.made_files import odf, texts, workbook


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"The fee is \strike 40\strike0  30 euros.", "The fee is (struck out: 40) 30 euros."),
        (r"The fee is {\strike 4{\b 0}} 30 euros.", "The fee is (struck out: 40) 30 euros."),
        (r"The fee is {\b\strike 4}{\strike 0} 30 euros.", "The fee is (struck out: 40) 30 euros."),
        (r"The fee is \striked1 40\plain  30 euros.", "The fee is (struck out: 40) 30 euros."),
        (r"There are 10\super 6\nosupersub  cells.", "There are 10⁶ cells."),
        (r"There are 10{\b\super 6} cells.", "There are 10⁶ cells."),
        (r"H\sub 2\nosupersub O", "H2O"),
    ],
)
def test_letters_of_rich_text_have_their_form_in_groups_and_outside(source, text):
    assert texts("a.rtf", rf"{{\rtf1\ansi {source}\par}}") == [text]


def rtf_row(*cells, defined=("", "", "")):
    ends = "".join(rf"{merge}\cellx{number}000" for number, merge in enumerate(defined, start=1))
    return rf"\trowd{ends} " + "".join(rf"{cell}\cell " for cell in cells) + r"\row "


def test_cells_of_rich_text_that_belong_to_another_say_what_that_says():
    rows = (
        rtf_row("Group", "2024", "2025")
        + rtf_row("Adults", "40 EUR", "", defined=(r"\clvmgf", r"\clmgf", r"\clmrg"))
        + rtf_row("", "41 EUR", "", defined=(r"\clvmrg", "", ""))
        + rtf_row("", "42 EUR", "43 EUR")
    )
    assert texts("a.rtf", rf"{{\rtf1\ansi {rows}}}") == [
        "Group: Adults; 2024: 40 EUR; 2025: 40 EUR",
        "Group: Adults; 2024: 41 EUR",
        "2024: 42 EUR; 2025: 43 EUR",
    ]


def test_letters_of_a_sheet_have_their_form():
    def change(book, sheet):
        line = book.add_format({"font_strikeout": True})
        raised = book.add_format({"font_script": 1})
        sheet.write_rich_string(1, 1, "cells: 10", raised, "6", " per ml")
        sheet.write_rich_string(1, 2, line, "40", " 30 EUR")
        sheet.write(2, 1, "10 mg", line)
        sheet.write(2, 2, 0.5, book.add_format({"font_strikeout": True, "num_format": "0%"}))

    rows = [("Item", "Amount", "Price"), ("A", "", ""), ("B", "", "")]
    assert texts("a.xlsx", workbook(rows, change=change)) == [
        "Item: A; Amount: cells: 10⁶ per ml; Price: (struck out: 40) 30 EUR",
        "Item: B; Amount: (struck out: 10 mg); Price: (struck out: 50%)",
    ]


def test_a_paragraph_of_an_open_document_that_its_style_strikes_out_is_said_to_be():
    styles = (
        '<style:style style:name="P"><style:text-properties style:text-line-through-style="solid"/></style:style>'
        '<style:style style:name="C" style:parent-style-name="P"/>'
    )
    body = '<text:p text:style-name="C">Price: 40.</text:p><text:p>Price: 30.</text:p>'
    assert texts("a.odt", odf(body, styles=styles)) == ["(struck out: Price: 40.)", "Price: 30."]
