"""Files of office programs that tests make, and what is read of them."""

import io
import zipfile

import xlsxwriter
from docx import Document
from pptx import Presentation
from pptx.util import Inches

from vital_shared.retrieval.ingest.parse import media_type_of, parse

OPEN_NAMES = {
    "office": "office",
    "text": "text",
    "table": "table",
    "draw": "drawing",
    "presentation": "presentation",
    "style": "style",
}


MANIFEST = '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'


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
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<office:document-content {names}>{automatic}{inner}</office:document-content>",
            "META-INF/manifest.xml": MANIFEST,
        }
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
