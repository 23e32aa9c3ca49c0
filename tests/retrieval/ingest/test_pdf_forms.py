"""Forms and notes of PDFs, made by reportlab and pypdf."""

import io

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText, Text
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.from_pdf import parse_pdf


def page(draw):
    out = io.BytesIO()
    sheet = canvas.Canvas(out, pagesize=A4)
    draw(sheet)
    sheet.showPage()
    sheet.save()
    return out.getvalue()


def text_of(data):
    return "\n".join(block.text for block in parse_pdf(data, uri="a.pdf", max_pages=9).blocks)


def form(sheet):
    fields = sheet.acroForm
    sheet.drawString(50, 760, "Name:")
    fields.textfield(name="n", x=120, y=752, width=200, height=20, value="Ada Berg")
    sheet.drawString(50, 730, "Allergies")
    fields.textfield(name="a", x=120, y=722, width=300, height=20, value="Penicillin and latex")
    fields.checkbox(name="d", x=50, y=690, size=14, checked=True)
    sheet.drawString(75, 693, "Diabetes")
    fields.checkbox(name="s", x=200, y=690, size=14, checked=False)
    sheet.drawString(225, 693, "Asthma")
    sheet.drawString(50, 660, "Ward:")
    fields.choice(name="w", x=120, y=652, width=100, height=20, options=["Seven", "Eight"], value="Eight")
    sheet.drawString(50, 622, "Remarks")
    fields.textfield(
        name="r", x=50, y=560, width=400, height=60, value="Sleeps badly.", fieldFlags="multiline"
    )
    sheet.drawString(50, 520, "Empty:")
    fields.textfield(name="e", x=120, y=512, width=200, height=20, value="")


def test_what_is_entered_stands_beside_its_label():
    text = text_of(page(form))
    assert "Name: Ada Berg" in text
    assert "Allergies: Penicillin and latex" in text
    assert "Ward: Eight" in text
    assert "Remarks: Sleeps badly." in text


def test_boxes_show_whether_they_are_checked():
    assert "[x] Diabetes [ ] Asthma" in text_of(page(form))


def test_a_field_without_a_label_is_called_by_its_name():
    def draw(sheet):
        sheet.acroForm.textfield(
            name="f1", tooltip="Date of birth", x=300, y=400, height=20, value="12 May 1990"
        )

    assert text_of(page(draw)) == "Date of birth: 12 May 1990"


def test_fields_within_a_table_are_its_cells():
    def draw(sheet):
        sheet.grid([50, 150, 250, 350], [600, 630, 660])
        for x, heading in ((60, "Drug"), (160, "Morning"), (260, "Evening")):
            sheet.drawString(x, 640, heading)
        for x, value in ((51, "Abacol"), (151, "one"), (251, "two")):
            sheet.acroForm.textfield(name=value, x=x, y=602, width=95, height=25, value=value)

    text = text_of(page(draw))
    assert "Morning: one" in text
    assert "Evening: two" in text


def test_notes_on_a_page_are_kept():
    writer = PdfWriter(
        clone_from=PdfReader(io.BytesIO(page(lambda sheet: sheet.drawString(50, 700, "Abacol"))))
    )
    writer.add_annotation(0, Text(text="Ask the ward first.", rect=(50, 600, 70, 620)))
    writer.add_annotation(0, FreeText(text="Out of stock.", rect=(50, 500, 150, 520)))
    out = io.BytesIO()
    writer.write(out)
    assert text_of(out.getvalue()).splitlines() == [
        "Abacol",
        "Note: Ask the ward first.",
        "Note: Out of stock.",
    ]


def test_an_empty_form_holds_no_text():
    with pytest.raises(IngestError, match="holds no text"):
        text_of(page(lambda sheet: sheet.acroForm.textfield(name="e", x=50, y=512, height=20, value="")))
