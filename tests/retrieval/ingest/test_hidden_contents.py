"""Hidden and deleted contents of office files are not read, and are listed as unread parts."""

import pytest
from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from pptx.util import Inches
from tests.retrieval.ingest.made_files import parsed, saved, slide_table, texts, word_table, workbook

ROWS = [("Item", "Cost", "Price"), ("Bolt", 1, 2), ("Old bolt", 3, 4), ("Nut", 5, 6)]


def test_hidden_rows_and_columns_of_a_sheet_are_not_read():
    def change(_, sheet):
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_column(1, 1, None, None, {"hidden": True})

    found = parsed("a.xlsx", workbook(ROWS, change=change))
    assert [(block.text, block.place.number) for block in found.blocks] == [
        ("Item: Bolt; Price: 2", 2),
        ("Item: Nut; Price: 6", 4),
    ]
    assert found.notes == (
        "Hidden rows of the sheet Prices were not read.",
        "Hidden columns of the sheet Prices were not read.",
    )


@pytest.mark.parametrize("code", [";;;", ";;", "[White];[White];[White];"])
def test_cells_that_their_format_hides_are_not_read(code):
    def change(book, sheet):
        sheet.write(1, 1, 1, book.add_format({"num_format": code}))
        sheet.write(3, 1, "", book.add_format({"num_format": code}))

    found = parsed("a.xlsx", workbook(ROWS, change=change))
    assert found.blocks[0].text == "Item: Bolt; Price: 2"
    assert found.notes == ("Cells of the sheet Prices that their format hides were not read.",)


@pytest.mark.parametrize(
    ("code", "text"), [(";;;", "Item: Bolt; Price: 2"), (";;", "Item: Bolt; Cost: x; Price: 2")]
)
def test_a_format_of_numbers_alone_hides_no_text(code, text):
    def change(book, sheet):
        sheet.write(1, 1, "x", book.add_format({"num_format": code}))

    assert parsed("a.xlsx", workbook(ROWS, change=change)).blocks[0].text == text


def test_rows_that_a_filter_or_a_folded_group_leaves_out_are_read():
    def filtered(_, sheet):
        sheet.autofilter(0, 0, 3, 2)
        sheet.filter_column(0, "x != Pin")
        sheet.set_row(2, None, None, {"hidden": True})

    def folded(_, sheet):
        sheet.set_row(2, None, None, {"hidden": True, "level": 1})
        sheet.set_column(1, 1, None, None, {"hidden": True, "level": 1})

    for change in (filtered, folded):
        found = parsed("a.xlsx", workbook(ROWS, change=change))
        assert found.blocks[1].text == "Item: Old bolt; Cost: 3; Price: 4"
        assert found.notes == ()


def test_a_row_of_word_that_was_deleted_or_is_hidden_is_not_read():
    document, table = word_table([("Item", "Price"), ("Bolt", "1"), ("Nut", "2"), ("Pin", "3")])
    for row, change in ((1, "del"), (2, "hidden")):
        properties = table.rows[row]._tr.get_or_add_trPr()
        properties.append(parse_xml(f'<w:{change} {nsdecls("w")} w:id="1" w:author="A"/>'))
    assert texts("a.docx", saved(document)) == ["Item: Pin; Price: 3"]


def test_words_that_a_style_of_word_hides_are_not_read():
    document = Document()
    letters = document.styles.add_style("Unseen letters", WD_STYLE_TYPE.CHARACTER)
    lines = document.styles.add_style("Unseen line", WD_STYLE_TYPE.PARAGRAPH)
    letters.font.hidden = lines.font.hidden = True
    document.add_paragraph("The fee is ").add_run("40, no, ", style=letters)
    document.paragraphs[0].add_run("30 euros.")
    document.add_paragraph("Cost: 20.", style=lines)
    assert texts("a.docx", saved(document)) == ["The fee is 30 euros."]


def test_hidden_slides_and_shapes_are_not_read():
    presentation, slide, _ = slide_table([("Item", "Price"), ("Bolt", "1")])
    box = slide.shapes.add_textbox(0, 0, Inches(1), Inches(1))
    box.text_frame.text = "Cost: 20"
    box._element.nvSpPr.cNvPr.set("hidden", "1")
    last = presentation.slides.add_slide(presentation.slide_layouts[5])
    last.shapes.title.text = "Costs"
    last.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "Cost: 30"
    last._element.set("show", "0")
    found = parsed("a.pptx", saved(presentation))
    assert [block.text for block in found.blocks] == ["Item: Bolt; Price: 1"]
    assert found.notes == ("The hidden slide 2 was not read.",)


@pytest.mark.parametrize(
    "change",
    [
        r"{\deleted 40}",
        r"\deleted 40\deleted0 ",
        r"{\b\deleted\revauthdel1 4{\i 0}}",
        r"{\b\v 4{\i 0}}",
        r"\v 40\v0 ",
        r"\v 4\'30\plain ",
    ],
)
def test_deleted_and_hidden_words_of_rich_text_are_not_read(change):
    assert texts("a.rtf", rf"{{\rtf1\ansi The fee is {change}{{\revised 30}} euros.\par}}") == [
        "The fee is 30 euros."
    ]
