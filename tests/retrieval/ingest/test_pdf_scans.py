"""Scanned pages, with a stand-in that speaks tesseract's command line: what it finds is not what is tested."""

import io
import stat
import sys

import pytest
from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.from_pdf import parse_pdf
from vital_shared.retrieval.ingest.pdf import scans

STAND_IN = """#!{python}
import sys
if "--list-langs" in sys.argv:
    print("List of available languages in /x (2):\\neng\\nosd")
    sys.exit()
data = sys.stdin.buffer.read()
assert sys.argv[1:5] == ["stdin", "stdout", "-l", "eng"] and sys.argv[-1] == "tsv", sys.argv
kind, width, height, depth = data[:40].split()[:4]
assert kind == b"P5" and len(data) >= int(width) * int(height), (kind, width, height, len(data))
print("level\\tpage_num\\tblock_num\\tpar_num\\tline_num\\tword_num\\tleft\\ttop\\twidth\\theight\\tconf\\ttext")
rows = {rows!r}
for line, (y, words) in enumerate(rows):
    for number, (x, word) in enumerate(words):
        print("5", 1, 1, 1, line, number, x, y, 20 * len(word), 30, 95.5, word, sep="\\t")
    print("5", 1, 1, 1, line, 99, 5, y, 10, 30, 4.0, "smudge", sep="\\t")
"""
DOSES = [
    (300, [(200, "Drug"), (600, "Adult"), (1000, "Child")]),
    (360, [(200, "Abacol"), (600, "500"), (1000, "250")]),
    (420, [(200, "Bentrix"), (600, "10")]),
    (480, [(200, "Cordiax"), (600, "75"), (1000, "37")]),
]


@pytest.fixture
def tesseract(tmp_path, monkeypatch):
    def install(rows=(), body=None):
        program = tmp_path / "tesseract"
        program.write_text(body or STAND_IN.format(python=sys.executable, rows=list(rows)))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(tmp_path))
        scans._languages.cache_clear()

    yield install
    scans._languages.cache_clear()


@pytest.fixture
def no_tesseract(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))


def scan(sheet):
    picture = Image.new("L", (600, 800), 255)
    ImageDraw.Draw(picture).text((100, 100), "Abacol 500 mg", fill=0)
    sheet.drawImage(ImageReader(picture), 0, 0, *A4)
    sheet.showPage()


def typed(sheet, text="Plain text on a page of its own."):
    sheet.drawString(50, 700, text)
    sheet.showPage()


def document(*pages):
    out = io.BytesIO()
    sheet = canvas.Canvas(out, pagesize=A4)
    for draw in pages:
        draw(sheet)
    sheet.save()
    return out.getvalue()


def read(data):
    return parse_pdf(data, uri="a.pdf", max_pages=99, seconds=30)


def test_words_of_a_scanned_page_are_read_by_where_they_stand(tesseract):
    tesseract(DOSES)
    assert [block.text for block in read(document(scan)).blocks] == [
        "Drug: Abacol; Adult: 500; Child: 250",
        "Drug: Bentrix; Adult: 10",
        "Drug: Cordiax; Adult: 75; Child: 37",
    ]


def test_pages_that_cannot_be_recognized_are_named(no_tesseract):
    parsed = read(document(typed, scan, typed, scan, scan))
    assert parsed.notes == ("Pages 2, 4\u20135 were not read, being pictures: install tesseract.",)
    assert "Plain text" in parsed.blocks[0].text


def test_a_recognition_that_fails_is_reported(tesseract):
    tesseract(body="#!/bin/sh\nexit 1\n")
    parsed = read(document(typed, scan))
    assert parsed.notes == ("Page 2 was not read, being pictures: text recognition failed or took too long.",)


@pytest.mark.thorough
def test_a_recognition_that_takes_too_long_is_ended_and_reported(tesseract):
    tesseract(body="#!/bin/sh\nexec /bin/sleep 60\n")
    data = document(typed, scan)
    parsed = parse_pdf(data, uri="a.pdf", max_pages=99, seconds=0.5)
    assert parsed.notes == ("Page 2 was not read, being pictures: text recognition failed or took too long.",)


def test_a_document_of_pictures_alone_is_refused(no_tesseract):
    with pytest.raises(
        IngestError, match=r"only images: run text recognition \(OCR\) on it first, or install"
    ):
        read(document(scan))


def test_a_page_with_a_small_picture_is_not_recognized(no_tesseract):
    def illustrated(sheet):
        sheet.drawImage(ImageReader(Image.new("L", (50, 50), 9)), 50, 50, 100, 100)
        typed(sheet)

    assert read(document(illustrated)).notes == ()
