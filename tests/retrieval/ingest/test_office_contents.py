"""Contents of office documents that are easily lost, or come to say something else."""

import pytest
from docx import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from pptx.util import Inches
from tests.retrieval.ingest.made_files import (
    odf,
    odf_table,
    packed,
    parsed,
    saved,
    slide_table,
    texts,
    word_table,
    workbook,
)

from vital_shared.errors import IngestError

MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


LABELS = [("Contract value", "40,000 EUR"), ("Owner", "Kim Lee"), ("Start", "May")]


LABEL_ROWS = ["Contract value: 40,000 EUR", "Owner: Kim Lee", "Start: May"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", saved(word_table(LABELS)[0])),
        ("a.pptx", saved(slide_table(LABELS)[0])),
        ("a.xlsx", workbook(LABELS)),
        ("a.odt", odf_table(LABELS)),
    ],
)
def test_labels_with_their_values_are_no_table_under_its_first_row(name, data):
    assert texts(name, data) == LABEL_ROWS


def test_a_heading_over_two_columns_stands_over_both_and_takes_no_row():
    document, table = word_table([("Region", "2024", ""), ("North", "1", "2"), ("South", "3", "4")])
    table.cell(0, 1).merge(table.cell(0, 2))
    assert texts("a.docx", saved(document)) == [
        "Region: North; 2024: 1; 2024: 2",
        "Region: South; 2024: 3; 2024: 4",
    ]


def word_paragraph(*xml):
    document = Document()
    paragraph = document.add_paragraph()
    for each in xml:
        paragraph._p.append(parse_xml(each))
    return texts("a.docx", saved(document))


def run(text, properties=""):
    return f'<w:r {nsdecls("w")}><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def test_raised_and_struck_letters_of_word_keep_their_meaning_and_hidden_ones_go():
    runs = [
        run("10"),
        run("6", '<w:vertAlign w:val="superscript"/>'),
        run(" cells cost "),
        run("40", "<w:strike/>"),
        run("30 euros"),
        run(" secret", "<w:vanish/>"),
    ]
    assert word_paragraph(*runs) == ["10⁶ cells cost (struck out: 40) 30 euros"]


def test_formulas_and_symbols_of_word_are_read():
    square = "<m:sSup><m:e><m:r><m:t>c</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
    formula = f"<m:oMath {MATH}><m:r><m:t>E=m</m:t></m:r>{square}</m:oMath>"
    symbol = f'<w:r {nsdecls("w")}><w:sym w:font="Symbol" w:char="F0B3"/></w:r>'
    assert word_paragraph(run("Dose "), symbol, run(" 5 mg;"), formula) == ["Dose ≥ 5 mg; E=m c^2"]


def test_a_check_box_of_word_says_whether_it_is_checked():
    box = '<w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData></w:fldChar>'
    assert word_paragraph(f"<w:r {nsdecls('w')}>{box}</w:r>", run("Fragile")) == ["[x] Fragile"]


def test_the_margins_of_pages_of_word_are_read_once_without_page_numbers():
    document = Document()
    document.add_paragraph("Body.")
    document.sections[0].header.paragraphs[0].text = "Contract no. 4711"
    document.sections[0].footer.paragraphs[0].text = "Page 3 of 7"
    assert texts("a.docx", saved(document)) == ["Contract no. 4711", "Body."]


def test_a_table_within_a_cell_of_word_keeps_its_columns():
    document, table = word_table([("Name", "Sizes"), ("A", "")])
    inner = table.cell(1, 1).add_table(rows=2, cols=2)
    for place, text in enumerate(("Size", "Price", "L", "5")):
        inner.cell(place // 2, place % 2).text = text
    assert texts("a.docx", saved(document))[-1] == "Name: A; Sizes: (Size: L; Price: 5)"


def test_slides_keep_merged_cells_and_raised_letters():
    presentation, slide, table = slide_table([("Drug", "Dose", "Max"), ("A", "1 mg", "4"), ("", "2 mg", "8")])
    table.cell(1, 0).merge(table.cell(2, 0))
    box = slide.shapes.add_textbox(0, Inches(4), Inches(4), Inches(1)).text_frame.paragraphs[0]
    box.add_run().text = "10"
    raised = box.add_run()
    raised.text = "6"
    raised.font._element.set("baseline", "30000")
    assert texts("a.pptx", saved(presentation)) == [
        "Drug: A; Dose: 1 mg; Max: 4",
        "Drug: A; Dose: 2 mg; Max: 8",
        "10⁶",
    ]


def test_two_rows_of_headings_of_a_sheet_are_one_header():
    def merge(_book, sheet):
        sheet.merge_range("B1:C1", 2023)
        sheet.merge_range("A1:A2", "Region")

    rows = [("Region", 2023, ""), ("", "Q1", "Q2"), ("North", 1, 2), ("South", 3, 4)]
    assert texts("a.xlsx", workbook(rows, change=merge)) == [
        "Region: North; 2023 Q1: 1; 2023 Q2: 2",
        "Region: South; 2023 Q1: 3; 2023 Q2: 4",
    ]


def test_rows_below_an_empty_one_are_not_taken_for_a_header():
    rows = [("Item", "Price"), ("Tea", 3), ("Rum", 5), (), ("Milk", "sold out"), ("Water", "sold out")]
    assert texts("a.xlsx", workbook(rows))[2:] == ["Milk: sold out", "Water: sold out"]
    below = [*rows[:3], (), ("Ale", 7), ("Gin", 9)]
    assert texts("a.xlsx", workbook(below))[2:] == ["Item: Ale; Price: 7", "Item: Gin; Price: 9"]


def test_what_a_workbook_has_beside_its_values_is_named():
    def change(book, sheet):
        sheet.write_comment("A2", "Only on Mondays")
        sheet.write_formula("B3", "=B2*2", None, "")
        chart = book.add_chart({"type": "column"})
        chart.add_series({"values": "=Prices!$B$2:$B$3"})
        book.add_chartsheet("Curve").set_chart(chart)

    notes = parsed("a.xlsx", workbook([("Item", "Price"), ("Tea", 3), ("Rum", 4)], change=change)).notes
    assert [note.split(" was ")[0] for note in notes] == [
        "The chart Curve",
        "One formula",
        "One comment on a cell",
    ]


def test_long_whole_numbers_of_sheets_keep_their_digits():
    rows = [("Name", "Account"), ("A", 1234567890123456), ("B", 2)]
    assert texts("a.xlsx", workbook(rows))[0] == "Name: A; Account: 1234567890123456"


def test_notes_and_comments_of_an_open_document_are_no_part_of_its_numbers():
    citation = "<text:note-citation>1</text:note-citation>"
    note = f"<text:note>{citation}<text:note-body><text:p>Since 2019.</text:p></text:note-body></text:note>"
    comment = "<office:annotation><text:p>Check.</text:p></office:annotation>"
    assert texts("a.odt", odf(f"<text:p>At most 20{note} mg{comment} a day.</text:p>")) == [
        "At most 20 mg a day.",
        "Since 2019.",
        "Check.",
    ]


def test_raised_letters_of_an_open_document_keep_their_meaning():
    style = (
        '<style:style style:name="T1"><style:text-properties style:text-position="super 58%"/></style:style>'
    )
    body = '<text:p>10<text:span text:style-name="T1">6</text:span> cells</text:p>'
    assert texts("a.odt", odf(body, styles=style)) == ["10⁶ cells"]


def test_cells_of_an_open_document_over_several_rows_stand_in_each():
    first = '<table:table-cell table:number-rows-spanned="2"><text:p>Abacol</text:p></table:table-cell>'
    data = odf_table([("Drug", "Dose", "Max"), ("A", "1 mg", "4"), ("B", "2 mg", "8")])
    assert texts("a.odt", data)[0] == "Drug: A; Dose: 1 mg; Max: 4"
    rows = [
        "<table:table-cell><text:p>Drug</text:p></table:table-cell><table:table-cell><text:p>Dose</text:p></table:table-cell>",
        f"{first}<table:table-cell><text:p>1</text:p></table:table-cell>",
        "<table:covered-table-cell/><table:table-cell><text:p>2</text:p></table:table-cell>",
    ]
    inner = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    assert texts("a.odt", odf(f"<table:table>{inner}</table:table>")) == [
        "Drug: Abacol; Dose: 1",
        "Drug: Abacol; Dose: 2",
    ]


def test_slides_of_an_open_document_have_their_titles_and_notes():
    def frame(text, kind=""):
        inner = f"<draw:text-box><text:p>{text}</text:p></draw:text-box>"
        return f"<draw:frame {kind}>{inner}</draw:frame>"

    title = frame("Plan", 'presentation:class="title"')
    notes = f"<presentation:notes>{frame('Say it loud.')}</presentation:notes>"
    result = parsed(
        "a.odp", odf(f"<draw:page>{title}{frame('Go in May.')}{notes}</draw:page>", "presentation")
    )
    assert [(block.headings, block.text) for block in result.blocks] == [
        (("Slide 1: Plan",), "Go in May."),
        (("Slide 1: Plan",), "Notes: Say it loud."),
    ]


def test_an_open_document_with_a_password_is_refused_as_such():
    data = packed({"content.xml": b"\x12\x99", "META-INF/manifest.xml": "<manifest:encryption-data/>"})
    with pytest.raises(IngestError, match="is encrypted: save a copy without a password"):
        parsed("a.odt", data)


def test_rich_text_keeps_tables_notes_boxes_and_the_forms_of_letters():
    cells = r"\trowd\cellx1\cellx2\cellx3 Drug\cell Adult\cell Child\cell\row Bentrix\cell\cell 5 mg\cell\row\pard "
    text = r"The limit{\footnote Since 2019.} is 10{\super 6}, not {\strike 40}{\v 50}.\par "
    box = r"{\shp{\*\shpinst{\shptxt Boxed.\par}}}"
    assert texts("a.rtf", rf"{{\rtf1\ansi {cells}{text}{box}}}") == [
        "Drug: Bentrix; Child: 5 mg",
        "The limit is 10⁶, not (struck out: 40) .",
        "Since 2019.",
        "Boxed.",
    ]


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.pdf", saved(Document()), "a Word document"),
        ("a.pptx", saved(Document()), "a Word document"),
        ("a.txt", saved(Document()), "a Word document"),
        ("a.docx", b"%PDF-1.4", "a PDF"),
        ("a.xls", b"<html><table><tr><td>Tea</td></tr></table></html>", "a web page"),
        ("a.docx", rb"{\rtf1 Hello}", "a rich text"),
        ("a.txt", b"\x1f\x8b\x08\x00packed", "a compressed file"),
    ],
)
def test_a_file_of_another_kind_than_its_name_says_is_named(name, data, what):
    with pytest.raises(IngestError, match=f"^{name} is {what}: "):
        parsed(name, data)


def linked_document(address):
    document = Document()
    number = document.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    inner = "<w:r><w:t>Write</w:t></w:r>"
    link = f'<w:hyperlink {nsdecls("w", "r")} r:id="{number}">{inner}</w:hyperlink>'
    document.add_paragraph()._p.append(parse_xml(link))
    return saved(document)


def linked_slide(address):
    presentation, slide, _ = slide_table([("A", "B"), ("1", "2")])
    run = slide.shapes.add_textbox(0, 0, Inches(2), Inches(1)).text_frame.paragraphs[0].add_run()
    run.text = "Write"
    run.hyperlink.address = address
    return saved(presentation)


def linked_text(address):
    link = f'<text:a xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="{address}">Write</text:a>'
    return odf(f"<text:p>{link}</text:p>")


@pytest.mark.parametrize(
    ("name", "linked"), [("a.docx", linked_document), ("a.pptx", linked_slide), ("a.odt", linked_text)]
)
def test_addresses_that_only_a_link_has_are_read(name, linked):
    assert "Write (help@x.org)" in texts(name, linked("mailto:help@x.org"))
    assert "Write" in texts(name, linked("https://x.org/apply"))


FONTS = r"{\fonttbl{\f0 Arial;}{\f1\fnil\fcharset204{\*\fname Times;}Times Cyr;}{\f2\fcharset128 Mincho;}}"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            r"Caf\'e9 {\f1\'cf\'f0\'e8\'e2\'e5\'f2}, d\'e9j\'e0",
            "Caf\u00e9 \u041f\u0440\u0438\u0432\u0435\u0442, d\u00e9j\u00e0",
        ),
        (r"\f1\'c4\'e0\plain  caf\'e9", "\u0414\u0430 caf\u00e9"),
        (r"\f1\u1055\'cf\'f0", "\u041f\u0440"),
        (r"\f2\'93\'fa\'96\'7b", "\u65e5\u672c"),
        (r"Yes \u-10179?\u-8704? thanks", "Yes \U0001f600 thanks"),
    ],
)
def test_letters_of_rich_text_are_those_of_their_fonts(source, said):
    assert texts("a.rtf", rf"{{\rtf1\ansi\ansicpg1252\deff0{FONTS}\f0 {source}\par}}") == [said]
