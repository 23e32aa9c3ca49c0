"""Kinds of files by their first bytes: what a file is, whatever its name says."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Final, NamedTuple
from zipfile import BadZipFile, ZipFile

__all__ = ["FileKind", "kind_of"]


class FileKind(NamedTuple):
    """A kind of files that says itself what it is."""

    words: str
    reader: str
    """The reader of such files; empty: there is none."""

    advice: str


_PDF: Final = FileKind("a PDF", "pdf", "give it the suffix .pdf")
_RTF: Final = FileKind("a rich text", "rtf", "give it the suffix .rtf")
_PAGE: Final = FileKind("a web page", "html", "give it the suffix .html")
_PACKED: Final = FileKind("a compressed file", "", "unpack it")
_ARCHIVE: Final = FileKind("an archive", "", "unpack it")
_OFFICE: Final = {
    "word/": FileKind("a Word document", "docx", "give it the suffix .docx"),
    "ppt/": FileKind("a PowerPoint presentation", "pptx", "give it the suffix .pptx"),
    "xl/": FileKind("an Excel workbook", "sheets", "give it the suffix .xlsx"),
}
_OPEN: Final = {
    b"application/vnd.oasis.opendocument.text": FileKind("a text document", "odf", "give it the suffix .odt"),
    b"application/vnd.oasis.opendocument.presentation": FileKind(
        "a presentation", "odf", "give it the suffix .odp"
    ),
    b"application/vnd.oasis.opendocument.spreadsheet": FileKind(
        "a spreadsheet", "sheets", "give it the suffix .ods"
    ),
    b"application/epub+zip": FileKind("a book", "epub", "give it the suffix .epub"),
}
_FIRST_BYTES: Final = {
    b"%PDF-": _PDF,
    b"{\\rtf": _RTF,
    b"\x1f\x8b": _PACKED,
    b"BZh9": _PACKED,
    b"\xfd7zXZ": _PACKED,
    b"\x28\xb5\x2f\xfd": _PACKED,
    b"7z\xbc\xaf": _ARCHIVE,
    b"Rar!": _ARCHIVE,
}
_PAGE_STARTS: Final = (b"<!doctype html", b"<html")
_TEXTS: Final = frozenset({"text", "markdown", "html", "csv", "json", "mail"})
MAX_TYPE_BYTES: Final = 200


def kind_of(data: bytes, reader: str) -> FileKind | None:
    """Return what a file is, where it is something else than its reader expects.

    :param reader: the reader by the file's name; those of text also read a text that looks like a web page.
    """
    found = next((kind for start, kind in _FIRST_BYTES.items() if data.startswith(start)), None)
    if data.startswith(b"PK\x03\x04"):
        found = _packed_kind(data)
    elif reader not in _TEXTS and data[:1000].lstrip().lower().startswith(_PAGE_STARTS):
        found = _PAGE
    return found if found is not None and found.reader != reader else None


def _packed_kind(data: bytes) -> FileKind | None:
    """Return the kind of a zip file by what is in it; None where it cannot be opened."""
    try:
        with ZipFile(BytesIO(data)) as package:
            names = package.namelist()
            is_typed = "mimetype" in names and package.getinfo("mimetype").file_size <= MAX_TYPE_BYTES
            named = package.read("mimetype").strip() if is_typed else b""
    except (BadZipFile, OSError, ValueError, RuntimeError, zlib.error):  # its reader says so in other words
        return None
    if "[Content_Types].xml" in names:
        folders = (folder for folder in _OFFICE if any(name.startswith(folder) for name in names))
        return next((_OFFICE[folder] for folder in folders), None)
    return next((kind for start, kind in _OPEN.items() if named.startswith(start)), None)
