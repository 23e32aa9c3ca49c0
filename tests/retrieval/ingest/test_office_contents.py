"""Contents of office documents, mail and data that are easily lost, or come to say something else."""

import io
import json
import zipfile
from email.message import EmailMessage

import pytest
import xlsxwriter
from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from fpdf import FPDF
from pptx import Presentation
from pptx.util import Inches

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.parse import media_type_of, parse

MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
OPEN_NAMES = {
    "office": "office",
    "text": "text",
    "table": "table",
    "draw": "drawing",
    "presentation": "presentation",
    "style": "style",
}
LABELS = [("Contract value", "40,000 EUR"), ("Owner", "Kim Lee"), ("Start", "May")]
LABEL_ROWS = ["Contract value: 40,000 EUR", "Owner: Kim Lee", "Start: May"]


def parsed(name, data):
    content = data.encode() if isinstance(data, str) else data
    return parse(content, uri=name, media_type=media_type_of(name, None), max_pages=9)


def texts(name, data):
    return [block.text for block in parsed(name, data).blocks]


def saved(document):
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def packed(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, data in files.items():
            package.writestr(name, data)
    return out.getvalue()


def word_table(rows):
    document = Document()
    table = document.add_table(rows=0, cols=len(rows[0]))
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    return document, table


def workbook(rows, *, change=lambda book, sheet: None):
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet("Prices")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        change(book, sheet)
    return out.getvalue()


def odf(body, kind="text", styles=""):
    names = " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for prefix, name in OPEN_NAMES.items()
    )
    automatic = f"<office:automatic-styles>{styles}</office:automatic-styles>"
    inner = f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
    return packed(
        {"content.xml": f"<office:document-content {names}>{automatic}{inner}</office:document-content>"}
    )


def odf_table(rows):
    def cell(text):
        return f"<table:table-cell><text:p>{text}</text:p></table:table-cell>"

    inner = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    return odf(f"<table:table>{inner}</table:table>")


def slide_table(rows):
    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    size = (0, 0, Inches(4), Inches(2))
    table = slide.shapes.add_table(len(rows), len(rows[0]), *size).table
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            table.cell(number, column).text = text
    return presentation, slide, table


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


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("Name;Preis, netto\nTee;1,50\nRum;2,50\n", "Name: Tee; Preis, netto: 1,50"),
        ('Name;Ort\n"Meyer, A";"Bonn, Nord"\n"Li, B";"Kiel, Ost"\n', "Name: Meyer, A; Ort: Bonn, Nord"),
        ("sep=;\nName;Price\nTea;5\nRum;7\n", "Name: Tea; Price: 5"),
    ],
)
def test_the_sign_between_values_is_found_beside_commas_in_them(text, row):
    assert texts("a.csv", text)[0] == row


def test_an_empty_line_of_separated_values_starts_no_other_table():
    assert texts("a.csv", "Name,Role\nAnn,nurse\n\nBob,clerk\nCy,cook\n") == [
        "Name: Ann; Role: nurse",
        "Name: Bob; Role: clerk",
        "Name: Cy; Role: cook",
    ]


def test_rows_of_unequal_length_are_read():
    text = "version,name,eol,support\n4.10,Warty,2006\n5.04,Hoary,2006,2011\n"
    assert texts("a.csv", text) == [
        "version: 4.10; name: Warty; eol: 2006",
        "version: 5.04; name: Hoary; eol: 2006; support: 2011",
    ]
    assert texts("a.xlsx", workbook([("A", "B", "C"), ("x",), ("y", 1, 2)]))[0] == "A: x"


@pytest.mark.parametrize(
    "text",
    [
        "#  Changing the grammar will most likely\n#  require changes in the parser\n#  module as well\n",
        "-  Take the bus\n-  Take the tram\n-  Walk along\n",
        "1.  Take the bus\n2.  Take the tram\n3.  Walk along\n",
        "One line.  Another one.\nAnd the next.  It goes on here.\nAnd so on and on.  The end.\n",
    ],
)
def test_comments_lists_and_prose_in_a_text_are_no_tables(text):
    assert "row" not in {block.kind for block in parsed("a.txt", text).blocks}


def test_rows_of_numbers_in_a_text_have_no_header():
    rows = (
        "0.9 thru 1.2   1991-1995   CWI\n1.3 thru 1.5   1995-1999   CNRI\n1.6            2000        CNRI\n"
    )
    assert texts("a.txt", rows)[0] == "0.9 thru 1.2; 1991-1995; CWI"


def test_numbers_of_json_are_as_they_are_written_and_no_member_is_lost():
    assert texts("a.json", '{"price": 1.10, "id": 12345678901234567890.5}') == [
        "price: 1.10; id: 12345678901234567890.5"
    ]
    assert texts("a.json", '{"fee": 1, "fee": 2}') == ["1", "2"]


def test_values_of_json_may_follow_each_other_over_lines():
    values = "\n".join(
        json.dumps(each, indent=1, ensure_ascii=False) for each in ({"a": "x\u2028y"}, {"a": 2})
    )
    assert texts("a.jsonl", values) == ["a: x\ny", "a: 2"]


def test_a_mail_whose_plain_text_says_nothing_is_read_from_its_html():
    message = EmailMessage()
    message["Subject"] = "Date"
    message.set_content("Please open this mail in a reader of HTML.")
    message.add_alternative("<p>The meeting takes place on 5 May at noon in room 12.</p>", subtype="html")
    assert texts("a.eml", message.as_bytes())[-1] == "The meeting takes place on 5 May at noon in room 12."


def test_forwarded_messages_and_more_text_of_a_mail_are_read():
    inner = EmailMessage()
    inner["Subject"] = "Budget"
    inner.set_content("It is 500 euros.")
    message = EmailMessage()
    message.set_content("See below.")
    message.add_attachment(inner)
    message.add_attachment("The code is 4711.", disposition="inline")
    message.add_attachment(b"x", maintype="image", subtype="png", filename="p.png")
    result = parsed("a.eml", message.as_bytes())
    assert [block.text for block in result.blocks] == [
        "See below.",
        "Subject: Budget",
        "It is 500 euros.",
        "The code is 4711.",
        "Attachments: p.png",
    ]
    assert result.notes == ("Its attachment p.png was not read.",)


def test_quoted_lines_of_a_mail_are_apart_from_the_answer():
    data = b"Subject: Re\n\nYes, five euros.\n> What is the\n> price?\n"
    assert texts("a.eml", data)[1:] == ["Yes, five euros.", "> What is the price?"]


def test_an_invitation_without_a_text_is_named():
    data = b"Subject: Meet\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\nEND:VCALENDAR\n"
    assert parsed("a.eml", data).notes == ("Its attachment text/calendar was not read.",)


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


def test_attachments_of_a_pdf_are_named():
    document = FPDF()
    document.add_page()
    document.set_font("helvetica", size=12)
    document.cell(text="See the data.")
    document.embed_file(bytes=b"1;2", basename="data.csv", desc="d")
    assert parsed("a.pdf", bytes(document.output())).notes == ("Its attachment data.csv was not read.",)


def test_columns_of_blanks_in_a_text_keep_their_empty_cells():
    text = "Doses\n=====\n\nDrug      Adult   Child\nAbacol    500 mg  250 mg\nBentrix           5 mg\n"
    assert texts("a.txt", text) == [
        "Drug: Abacol; Adult: 500 mg; Child: 250 mg",
        "Drug: Bentrix; Child: 5 mg",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10<sup>6</sup> cells", "10⁶ cells"),
        ("~~40~~ 30 euros", "(struck out: 40) 30 euros"),
        ("![The valve opens at 5 bar](v.png)", "The valve opens at 5 bar"),
        (
            "<table>\n\n<tr><th>Drug</th><th>Dose</th></tr>\n\n<tr><td>A</td><td>5</td></tr>\n\n</table>",
            "Drug: A; Dose: 5",
        ),
    ],
)
def test_markdown_keeps_what_the_form_of_letters_pictures_and_tables_say(text, said):
    assert texts("a.md", f"{text}\n") == [said]


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<section><header><h2>Hours</h2></header><p>9 to 5.</p></section>", ["9 to 5."]),
        ("<header><h1>Visa 2025</h1><p>In force.</p></header><p>Go.</p>", ["In force.", "Go."]),
        ("<p>Go.</p><aside><p>Call 555 12 on weekdays.</p></aside>", ["Go.", "Call 555 12 on weekdays."]),
        ("<p>Closed on the fifth of May.</p><article>Go.</article>", ["Closed on the fifth of May.", "Go."]),
        ("<svg><text>Gate 5</text></svg>", ["Gate 5"]),
        (
            "<table><tr><td>Drug</td><td>Adult</td><td>Child</td></tr><tr><td>B</td><td></td><td>5</td></tr></table>",
            ["Drug: B; Child: 5"],
        ),
        (
            "<table><thead><tr><td>Drug</td><td>Adult</td></tr></thead><tr><td>B</td><td>-</td></tr></table>",
            ["Drug: B; Adult: -"],
        ),
        ("<table><tr><td>A</td><td></td><td>5 mg</td></tr></table>", ["A; \u2013; 5 mg"]),
        (
            "<table><tr><th>Drug</th><th>Dose</th></tr><tr><th colspan=2>New</th></tr><tr><td>A</td><td>5</td></tr></table>",
            ["New", "Drug: A; Dose: 5"],
        ),
        (
            "<table><tr><th>Plan</th><th>Has</th></tr><tr><td>Pro</td><td><ul><li>5 GB</li><li>mail</li></ul></td></tr></table>",
            ["Plan: Pro; Has: 5 GB, mail"],
        ),
    ],
)
def test_pages_keep_headers_asides_drawings_and_columns(html, said):
    assert texts("a.html", f"<title>T</title><body>{html}</body>") == said


def test_a_book_keeps_its_notes_and_the_headings_of_its_chapters():
    page = (
        '<html xmlns:epub="http://www.idpf.org/2007/ops"><body><section><header><h1>One</h1></header>'
        '<p>Wine is old.</p><aside epub:type="footnote" id="f">Since 6000 BC.</aside></section></body></html>'
    )
    manifest = '<manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
    book = {
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="c.opf"/></rootfiles></container>',
        "c.opf": f'<package>{manifest}<spine><itemref idref="a"/></spine></package>',
        "a.xhtml": page,
    }
    result = parsed("a.epub", packed(book))
    assert (result.title, [block.text for block in result.blocks]) == (
        "One",
        ["Wine is old.", "Since 6000 BC."],
    )
