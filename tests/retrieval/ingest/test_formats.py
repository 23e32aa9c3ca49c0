"""Office documents, mail and data; each made by a library of another origin than its reader where there is one."""

import csv
import io
import json
import zipfile
from contextlib import suppress
from email.message import EmailMessage

import pytest
import xlsxwriter
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st
from pptx import Presentation
from pptx.chart.data import BubbleChartData, CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches
from tests.variants import sampled

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.limits import DEFAULT_LIMITS
from vital_shared.retrieval.ingest.parse import SUFFIXES, media_type_of, parse
from vital_shared.retrieval.ingest.read import read

DOSES = [["Drug", "Adult dose", "Child dose"], ["Abacol", "500 mg", "250 mg"], ["Bentrix", "", "5 mg"]]
DOSE_ROWS = ["Drug: Abacol; Adult dose: 500 mg; Child dose: 250 mg", "Drug: Bentrix; Child dose: 5 mg"]


def parsed(name, data):
    return parse(data, uri=name, media_type=media_type_of(name, None), max_pages=9)


def texts(name, data):
    return [block.text for block in parsed(name, data).blocks]


def sections(name, data):
    media_type = media_type_of(name, None)
    contents = read(data, uri=name, media_type=media_type, declared=None, limits=DEFAULT_LIMITS)
    return [chunk.section for chunk in contents.chunks]


def saved(document):
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def packed(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in files.items():
            package.writestr(name.replace("__", "/").replace("_", "."), data)
    return out.getvalue()


def word():
    document = Document()
    document.core_properties.title = "Ward handbook"
    document.add_heading("Doses", 1)
    document.add_paragraph("Take with food.")
    document.add_paragraph("First item", style="List Bullet")
    table = document.add_table(rows=3, cols=3)
    for row, cells in zip(table.rows, DOSES, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    return document


def test_word_keeps_sections_lists_and_tables():
    result = parsed("a.docx", saved(word()))
    assert result.title == "Ward handbook"
    assert [(block.headings, block.kind, block.text) for block in result.blocks] == [
        (("Doses",), "paragraph", "Take with food."),
        (("Doses",), "item", "First item"),
        *((("Doses",), "row", row) for row in DOSE_ROWS),
    ]


def test_word_keeps_inserted_text_and_drops_deleted_text():
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    document = word()
    paragraph = document.add_paragraph("Dose: ")
    inside = "<w:r><w:{tag}>{text}</w:{tag}></w:r>"
    for change, tag, text in (("del", "delText", "10 mg"), ("ins", "t", "20 mg")):
        run = inside.format(tag=tag, text=text)
        paragraph._p.append(parse_xml(f'<w:{change} {nsdecls("w")} w:id="1">{run}</w:{change}>'))
    assert texts("a.docx", saved(document))[-1] == "Dose: 20 mg"


def test_slides_are_sections_with_tables_charts_and_notes():
    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    slide.shapes.title.text = "Doses"
    table = slide.shapes.add_table(3, 3, Inches(1), Inches(2), Inches(6), Inches(2)).table
    for row, cells in enumerate(DOSES):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    data = CategoryChartData()
    data.categories = ["2024", "2025"]
    data.add_series("Beds", (24, 30))
    box = (Inches(1), Inches(5), Inches(4), Inches(2))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *box, data)
    slide.notes_slide.notes_text_frame.text = "Mention the allergy."
    name, content = "a.pptx", saved(presentation)
    assert texts(name, content) == [
        *DOSE_ROWS,
        "2024; Beds: 24.0",
        "2025; Beds: 30.0",
        "Notes: Mention the allergy.",
    ]
    assert sections(name, content) == ["Slide 1: Doses"]


def slide_with_chart(presentation, kind, data):
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    slide.shapes.add_chart(kind, Inches(1), Inches(5), Inches(4), Inches(2), data)
    return slide


def test_what_speakers_say_takes_nothing_from_what_was_not_read():
    presentation = Presentation()
    data = CategoryChartData()
    data.categories = ["2024"]
    data.add_series("Beds", (24,))
    for _ in range(2):
        slide = slide_with_chart(presentation, XL_CHART_TYPE.COLUMN_CLUSTERED, data)
        slide.notes_slide.notes_text_frame.text = "Mention the allergy."
        plot = next(shape for shape in slide.shapes if shape.has_chart).chart._chartSpace.xpath(
            "//c:barChart"
        )[0]
        plot.tag = plot.tag.replace("barChart", "bar3DChart")
    assert parsed("a.pptx", saved(presentation)).notes == (
        "A chart on slide 1 is of a kind that was not read.",
        "A chart on slide 2 is of a kind that was not read.",
    )


def test_a_fully_read_presentation_with_speaker_notes_has_no_remarks():
    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    slide.notes_slide.notes_text_frame.text = "Mention the allergy."
    assert parsed("a.pptx", saved(presentation)).notes == ()


def test_the_points_of_scatter_and_bubble_charts_are_read():
    presentation = Presentation()
    scatter = XyChartData()
    doses = scatter.add_series("Dose")
    doses.add_data_point(1, 2.5)
    doses.add_data_point(3, 4)
    slide_with_chart(presentation, XL_CHART_TYPE.XY_SCATTER, scatter)
    bubbles = BubbleChartData()
    bubbles.add_series("Ward").add_data_point(1, 2, 9)
    slide_with_chart(presentation, XL_CHART_TYPE.BUBBLE, bubbles)
    assert texts("a.pptx", saved(presentation)) == [
        "Dose; x: 1; y: 2.5",
        "Dose; x: 3; y: 4",
        "Ward; x: 1; y: 2; size: 9",
    ]


def workbook(hide=False):
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    prices = book.add_worksheet("Prices")
    prices.write(0, 0, "Prices of 2025")
    for row, cells in enumerate(
        [["Item", "Price", "Since"], ["Pump", 12.5, "May"], ["Seal", "", "June"]], start=2
    ):
        prices.write_row(row, 0, cells)
    other = book.add_worksheet("Wards")
    other.write_row(0, 0, ["Ward", "Beds"])
    other.write_row(1, 0, ["Seven", 24])
    other.write_formula(2, 1, "=B2*2", None, 48)
    if hide:
        other.hide()
    book.close()
    return out.getvalue()


def test_sheets_are_sections_and_rows_have_their_numbers():
    assert texts("a.xlsx", workbook()) == [
        "Prices of 2025",
        "Item: Pump; Price: 12.5; Since: May",
        "Item: Seal; Since: June",
        "Ward: Seven; Beds: 24",
        "Beds: 48",
    ]
    assert sections("a.xlsx", workbook()) == ["Sheet Prices (rows 1\u20135)", "Sheet Wards (rows 2\u20133)"]


def test_a_hidden_sheet_is_not_read_and_named():
    assert parsed("a.xlsx", workbook(hide=True)).notes == ("The hidden sheet Wards was not read.",)


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_separated_values_keep_their_columns(sign):
    data = "\r\n".join(sign.join(row) for row in DOSES).encode()
    assert texts("a.csv", data) == DOSE_ROWS
    assert sections("a.csv", data) == ["Rows 2\u20133"]


def test_quoted_values_go_over_lines():
    assert texts("a.csv", b'Drug,Advice\nAbacol,"Take, with\nfood"\n') == [
        "Drug: Abacol; Advice: Take, with food"
    ]


def test_reading_separated_values_leaves_the_limit_of_other_readers_alone():
    before = csv.field_size_limit()
    texts("a.csv", b"a,b\n")
    assert csv.field_size_limit() == before


def test_a_row_ends_where_csv_says_and_not_at_other_separators_of_lines():
    data = "Drug,Advice\r\nAbacol,Take\u2028with\x0bfood\r\n".encode()
    assert texts("a.csv", data) == ["Drug: Abacol; Advice: Take with food"]


def test_json_objects_are_rows_under_the_names_around_them():
    value = {
        "ward": "Seven",
        "drugs": [{"name": "Abacol", "dose": {"adult": 500, "child": None}}],
        "open": True,
    }
    result = parsed("a.json", json.dumps(value).encode())
    assert [(block.headings, block.text) for block in result.blocks] == [
        ((), "ward: Seven; open: yes"),
        (("drugs",), "name: Abacol; dose.adult: 500"),
    ]


def test_each_line_of_json_is_a_row():
    assert texts("a.jsonl", b'{"a": 1}\n\n{"a": 2, "b": ["x", "y"]}\n') == ["a: 1", "a: 2; b: x, y"]


def test_mail_names_its_attachments():
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "ada@example.org",
        "ben@example.org",
        "Gr\u00fc\u00dfe",
    )
    message.set_content("The pump arrives in May.")
    message.add_alternative("<p>The <b>pump</b> arrives in May.</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="offer.pdf")
    result = parsed("a.eml", bytes(message))
    assert result.title == "Gr\u00fc\u00dfe"
    assert [block.text for block in result.blocks][-2:] == [
        "The pump arrives in May.",
        "Attachments: offer.pdf",
    ]
    assert result.notes == ("Its attachment offer.pdf was not read.",)


def test_a_book_is_read_in_the_order_of_its_spine():
    container = '<container><rootfiles><rootfile full-path="O/p.opf"/></rootfiles></container>'
    items = "".join(f'<item id="{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in "abc")
    spine = "".join(f'<itemref idref="{n}"/>' for n in "bac")
    package = (
        '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Bees</dc:title>'
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    book = packed(**{"META-INF__container_xml": container, "O__p_opf": package})
    with zipfile.ZipFile(out := io.BytesIO(book), "a") as more:
        more.writestr("O/a.xhtml", "<html><body><h1>Two</h1><p>Honey.</p></body></html>")
        more.writestr("O/b.xhtml", "<html><body><h1>One</h1><p>Wax.</p></body></html>")
    result = parsed("a.epub", out.getvalue())
    assert result.title == "Bees"
    assert [(block.headings, block.text) for block in result.blocks] == [
        (("One",), "Wax."),
        (("Two",), "Honey."),
    ]
    assert result.notes == ("Its chapter O/c.xhtml is missing.",)


def test_rich_text_keeps_letters_and_paragraphs():
    data = rb"{\rtf1\ansi\ansicpg1252 Take \b with\b0  food, \'e4ldre too.\par Store cold.\par}"
    assert texts("a.rtf", data) == ["Take with food, \u00e4ldre too.", "Store cold."]


def odt(body):
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "table")
    )
    return packed(content_xml=f"<office:document-content {spaces}>{body}</office:document-content>")


def test_open_documents_keep_sections_and_tables():
    cells = "".join(
        "<table:table-row>"
        + "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in row)
        + "</table:table-row>"
        for row in DOSES
    )
    body = f'<text:h text:outline-level="1">Doses</text:h><text:p>With<text:s/>food.</text:p><table:table>{cells}</table:table>'
    assert texts("a.odt", odt(body)) == ["With food.", *DOSE_ROWS]


def test_entities_are_not_unfolded():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    data = packed(content_xml=f"{bomb}<x><p>&b;</p></x>")
    with pytest.raises(IngestError):
        read(data, uri="a.odt", media_type=SUFFIXES[".odt"], declared=None, limits=DEFAULT_LIMITS)


@pytest.mark.parametrize("name", sampled(["a.docx", "a.pptx", "a.xlsx", "a.epub", "a.odt"], 5))
def test_a_zip_bomb_is_refused(name):
    with pytest.raises(IngestError, match="unpacks to far more"):
        parsed(name, packed(a=b"\0" * 250_000_000, b=b"\0" * 250_000_000))


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.odt", "a.epub"])
def test_a_file_with_a_password_is_refused(name):
    with pytest.raises(IngestError, match="has a password or is of Office before 2007"):
        parsed(name, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))


SAMPLES = {
    "a.docx": saved(word()),
    "a.xlsx": workbook(),
    "a.rtf": rb"{\rtf1\ansi Take {\b with} food, \'e4ldre too.\par}",
    "a.odt": odt("<text:p>Text.</text:p>"),
    "a.json": b'{"a": [1, {"b": null}], "c": "d"}',
    "a.csv": b"a,b\n1,2\n",
    "a.eml": b"Subject: x\nContent-Type: text/plain\n\nText.\n",
}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_damaged_file_is_read_or_refused(name, data):
    whole = bytearray(SAMPLES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with suppress(IngestError):
        assert all(block.text for block in parsed(name, damaged).blocks)
