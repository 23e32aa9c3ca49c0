import codecs
import random

import pytest

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.decode import decode

TEXT = "Größe: 5 µg, naïve café"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        TEXT.encode("cp1252"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16 le", "utf-16 be", "utf-32", "cp1252"],
)
def test_every_usual_encoding_is_read(data):
    assert decode(data, uri="a.txt") == TEXT


def test_what_is_declared_is_believed():
    assert decode("Ольга".encode("koi8-r"), uri="a.html", declared="koi8-r") == "Ольга"


def test_an_unknown_or_wrong_declaration_is_passed_over():
    assert decode("Größe".encode(), uri="a.html", declared="ascii") == "Größe"
    assert decode("Größe".encode(), uri="a.html", declared="no-such-thing") == "Größe"


def test_bytes_that_windows_1252_lacks_fall_back_to_latin_1():
    assert decode(b"caf\xe9 and one \x81 " + b"x" * 200, uri="a.txt").startswith("café")


@pytest.mark.parametrize(
    "data",
    [random.Random(1).randbytes(4000), b"\x00\x01\x02\x03", b"text\x00more", "Größe".encode("utf-16-le")],
)
def test_binary_data_is_refused(data):
    with pytest.raises(IngestError, match=r"a\.md holds binary data"):
        decode(data, uri="a.md")


def test_a_broken_utf_16_file_is_refused():
    with pytest.raises(IngestError, match="utf-16"):
        decode(codecs.BOM_UTF16_LE + b"a", uri="a.txt")
