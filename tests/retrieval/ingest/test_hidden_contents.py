"""Hidden and deleted contents of office files are not read, and are listed as unread parts."""

import pytest
from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from pptx.util import Inches
from tests.retrieval.ingest.made_files import odf, parsed, saved, slide_table, texts, word_table, workbook

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


def test_fields_of_word_that_nobody_has_filled_in_are_not_read():
    document = Document()
    document.add_paragraph("Name: ")
    for shows, text in (("<w:showingPlcHdr/>", "Click to enter text."), ("", "Ada")):
        document.paragraphs[0]._p.append(
            parse_xml(
                f"<w:sdt {nsdecls('w')}><w:sdtPr>{shows}</w:sdtPr><w:sdtContent><w:r><w:t>{text}</w:t></w:r>"
                "</w:sdtContent></w:sdt>"
            )
        )
    found = parsed("a.docx", saved(document))
    assert [block.text for block in found.blocks] == ["Name: Ada"]
    assert found.notes == ("Fields that nobody has filled in were not read.",)


CHILD = '<style:style style:name="C" style:parent-style-name="P"/>'
UNSEEN = '<style:text-properties text:display="none"/>'


@pytest.mark.parametrize(
    ("hidden", "styles"),
    [
        (
            '<text:p text:style-name="P">Cost: 20.</text:p>',
            f'<style:style style:name="P">{UNSEEN}</style:style>',
        ),
        (
            '<text:p text:style-name="C">Cost: 20.</text:p>',
            f'<style:style style:name="P">{UNSEEN}</style:style>{CHILD}',
        ),
        ('<text:section text:display="none"><text:p>Cost: 20.</text:p></text:section>', ""),
        ('<text:p>Cost: 20.<text:hidden-paragraph text:is-hidden="true"/></text:p>', ""),
        ('<text:p><text:hidden-text text:is-hidden="true">Cost: 20.</text:hidden-text></text:p>', ""),
        (
            '<text:p><text:placeholder text:placeholder-type="text">&lt;Cost&gt;</text:placeholder></text:p>',
            "",
        ),
    ],
)
def test_hidden_text_of_open_documents_is_not_read(hidden, styles):
    found = parsed("a.odt", odf(f"{hidden}<text:p>Price: 30.</text:p>", styles=styles))
    assert [block.text for block in found.blocks] == ["Price: 30."]
    assert found.notes == ("Hidden text, or fields that nobody has filled in, were not read.",)


def test_text_of_open_documents_that_a_style_shows_again_is_read():
    shown = '<style:text-properties text:display="true"/>'
    styles = (
        f'<style:style style:name="P">{UNSEEN}</style:style>'
        f'<style:style style:name="C" style:parent-style-name="P">{shown}</style:style>'
    )
    assert texts("a.odt", odf('<text:p text:style-name="C">Price: 30.</text:p>', styles=styles)) == [
        "Price: 30."
    ]


def test_a_hidden_slide_of_an_open_presentation_is_not_read():
    styles = (
        '<style:style style:name="S"><style:drawing-page-properties presentation:visibility="hidden"/>'
        "</style:style>"
    )
    box = "<draw:frame><draw:text-box><text:p>Price: {}.</text:p></draw:text-box></draw:frame>"
    pages = (
        f'<draw:page>{box.format(1)}</draw:page><draw:page draw:style-name="S">{box.format(2)}</draw:page>'
    )
    found = parsed("a.odp", odf(pages, kind="presentation", styles=styles))
    assert [block.text for block in found.blocks] == ["Price: 1."]
    assert found.notes == ("The hidden slide 2 was not read.",)


def test_hidden_rows_and_columns_of_an_open_sheet_are_not_read():
    def row(*values, more=""):
        cells = "".join(
            f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
            for value in values
        )
        return f"<table:table-row{more}>{cells}</table:table-row>"

    collapsed = ' table:visibility="collapse"'
    columns = f"<table:table-column/><table:table-column{collapsed}/><table:table-column/>"
    rows = row(*ROWS[0]) + row(*ROWS[1]) + row(*ROWS[2], more=collapsed) + row(*ROWS[3])
    folded = f'<table:table-row-group table:display="false">{row("Pin", 7, 8, more=collapsed)}</table:table-row-group>'
    filtered = row("Cap", 8, 9, more=' table:visibility="filter"')
    table = f'<table:table table:name="Prices">{columns}{rows}{folded}{filtered}</table:table>'
    found = parsed("a.ods", odf(table, kind="spreadsheet"))
    assert [(block.text, block.place.number) for block in found.blocks] == [
        ("Item: Bolt; Price: 2", 2),
        ("Item: Nut; Price: 6", 4),
        ("Item: Pin; Price: 8", 5),
        ("Item: Cap; Price: 9", 6),
    ]
    assert found.notes == (
        "Hidden rows of the sheet Prices were not read.",
        "Hidden columns of the sheet Prices were not read.",
    )
