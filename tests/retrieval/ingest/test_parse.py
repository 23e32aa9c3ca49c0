import pytest

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.parse import media_type_of


@pytest.mark.parametrize(
    ("uri", "declared", "media_type"),
    [
        ("a/B.MD", None, "text/markdown"),
        ("a.htm", None, "text/html"),
        ("a.pdf", "application/octet-stream", "application/pdf"),
        ("a", "text/HTML; charset=utf-8", "text/html"),
        ("a.txt", "text/markdown", "text/markdown"),
    ],
)
def test_the_declared_type_counts_and_else_the_suffix(uri, declared, media_type):
    assert media_type_of(uri, declared) == media_type


def test_what_nobody_reads_is_refused():
    with pytest.raises(IngestError, match=r"a\.dwg is of an unknown type: give a file that is one of \.md"):
        media_type_of("a.dwg", None)
    with pytest.raises(IngestError, match="of the type image/png"):
        media_type_of("a.md", "image/png")
