import io
import zlib
from contextlib import suppress

import pytest
from fpdf import FPDF
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, StreamObject

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.from_pdf import parse_pdf
from vital_shared.retrieval.ingest.parse import parse


def read(data, max_pages=100):
    return parse_pdf(data, uri="a.pdf", max_pages=max_pages)


def sentence(words="Plain text."):
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    pdf.cell(0, 10, words)
    return bytes(pdf.output())


def encrypted(password, algorithm):
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(sentence("Secret text."))))
    writer.encrypt(password, "owner", algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def read_as(words, letters):
    """Return a page of these words whose font says that letters stand for others (code points)."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(sentence(words))))
    stream = StreamObject()
    pairs = "".join(f"<{ord(a):02X}> <{b.encode('utf-16-be').hex()}>\n" for a, b in letters.items())
    stream.set_data(
        "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <FF> endcodespacerange\n"
        f"{len(letters)} beginbfchar\n{pairs}endbfchar endcmap end".encode()
    )
    (font,) = writer.pages[0]["/Resources"]["/Font"].values()
    font.get_object()[NameObject("/ToUnicode")] = writer._add_object(stream)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_letters_of_formulas_are_read_as_plain_ones():
    data = read_as(
        "Q = K p, and x", {"Q": "\U0001d444", "K": "\U0001d43e", "p": "\U0001d45d", "x": "\U00020000"}
    )
    assert [block.text for block in read(data).blocks] == ["Q = K p, and \U00020000"]


def test_pages_become_sections_and_paragraphs(monograph):
    parsed = read(monograph)
    assert parsed.title == "Warfarin monograph"
    assert [(block.headings, block.text) for block in parsed.blocks if "Formulary" not in block.text] == [
        (
            ("Dosage",),
            (
                "Adults take five milligrams once daily, and the long-term dose follows the international normalised "
                "ratio, which is measured every week. This is a long-term treatment for most of the patients who are "
                "given it at all in practice."
            ),
        ),
        (("Dosage",), "A second paragraph stands apart."),
        (("Dosage", "Children"), "Children take less."),
        (
            ("Interactions",),
            "What is to be said of interactions is said here, in one sentence of its own.",
        ),
        (
            ("Storage",),
            "What is to be said of storage is said here, in one sentence of its own.",
        ),
    ]


def test_running_titles_and_page_numbers_go(monograph):
    text = "\n".join(block.text for block in read(monograph).blocks)
    assert text.count("Formulary of the house") == 1  # on the first page it might be the title
    assert "Page" not in text


def test_the_title_in_the_metadata_comes_first():
    pdf = FPDF()
    pdf.set_title("Label of warfarin")
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    pdf.cell(0, 10, "Text.")
    assert read(bytes(pdf.output())).title == "Label of warfarin"


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_an_encrypted_file_is_refused(algorithm):
    with pytest.raises(IngestError, match=r"a\.pdf is encrypted: save a copy without a password"):
        read(encrypted("pass", algorithm))


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_a_file_that_anybody_may_open_is_read(algorithm):
    assert read(encrypted("", algorithm)).blocks[0].text == "Secret text."


def test_a_file_of_images_is_refused():
    pdf = FPDF()
    pdf.add_page()
    pdf.rect(10, 10, 50, 50)
    with pytest.raises(IngestError, match=r"a\.pdf holds no text, only images: run text recognition"):
        read(bytes(pdf.output()))


def test_too_many_pages_are_refused(monograph):
    with pytest.raises(IngestError, match=r"a\.pdf has 3 pages, the limit is 2: split it"):
        read(monograph, max_pages=2)


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_half_a_file_is_read_as_far_as_it_goes_or_refused(monograph, cut, caplog):
    data = monograph[: int(len(monograph) * cut)]
    with suppress(IngestError):
        assert parse(data, uri="a.pdf", media_type="application/pdf", max_pages=9).blocks
    assert caplog.records == []


def test_a_file_that_is_no_pdf_is_refused(caplog):
    with pytest.raises(IngestError, match=r"a\.pdf cannot be read as application/pdf, it may be damaged"):
        parse(b"%PDF-1.7\nnothing", uri="a.pdf", media_type="application/pdf", max_pages=9)
    assert caplog.records == []


def test_a_stream_that_unpacks_to_far_more_is_refused():
    bomb = zlib.compress(b" " * 100_000_000, 9)
    data = sentence()
    old = data[data.index(b"stream\n") + 7 : data.index(b"\nendstream")]
    data = data.replace(old, bomb, 1).replace(b"/Length %d" % len(old), b"/Length %d" % len(bomb), 1)
    with pytest.raises(IngestError, match=r"a\.pdf"):
        parse(data, uri="a.pdf", media_type="application/pdf", max_pages=9)


def test_a_stamp_across_the_pages_is_no_title_and_is_read_once():
    pdf, titles = FPDF(), ("Rules of the house", "Fees of the hall", "Pets")
    for title in titles:
        pdf.add_page()
        pdf.set_font("Helvetica", style="B", size=60)
        with pdf.rotation(45, 100, 150):
            pdf.text(30, 150, "CONFIDENTIAL COPY")
        pdf.set_font("Helvetica", style="B", size=18)
        pdf.cell(0, 12, title, new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("Helvetica", size=11)
        pdf.multi_cell(0, 6, f"All is said about {title.lower()} here. " * 30)
    found = read(bytes(pdf.output()))
    assert found.title == titles[0]
    text = "\n".join(block.text for block in found.blocks)
    assert text.count("CONFIDENTIAL COPY") == 1
    assert {heading for block in found.blocks for heading in block.headings} == set(titles)


def test_slanted_labels_of_figures_are_all_read():
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=11)
    pdf.multi_cell(0, 6, "Visitors by month, in two halls. " * 9)
    pdf.set_font("Helvetica", size=8)
    for x in (60, 120):
        with pdf.rotation(45, x, 150):
            pdf.text(x, 150, "January")
    text = "\n".join(block.text for block in read(bytes(pdf.output())).blocks)
    assert text.count("January") == 2
