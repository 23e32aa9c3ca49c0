"""PDF: pages by position, put back into sections, paragraphs and tables."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from time import monotonic
from typing import Final

import pypdfium2  # type: ignore[import-untyped]

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.pdf.gaps import with_gaps
from vital_shared.retrieval.ingest.pdf.page import Item, TextLine
from vital_shared.retrieval.ingest.pdf.pages import Pages
from vital_shared.retrieval.ingest.pdf.scans import PROGRAM
from vital_shared.retrieval.ingest.pdf.sections import add_sections

__all__ = ["parse_pdf"]

_PLACEHOLDER: Final = re.compile(
    r"untitled|anonymous|microsoft word|\.(?:docx?|indd|tex|pdf|pptx?)$", re.IGNORECASE
)

RECOGNITION_SHARE: Final = 0.7
"""The share of a document's time limit that may pass before pages are left unrecognized."""


def parse_pdf(data: bytes, *, uri: str, max_pages: int, seconds: float = 60.0) -> Parsed:
    """Read a PDF: words by where they stand, headings by their size and weight, tables by their columns.

    :param seconds: time that it may take; most of it may go into recognizing the text of scanned pages.

    :raises IngestError: when it is encrypted, damaged, has too many pages or holds no text.
    """
    document = _open(data, uri)
    try:
        document.init_forms()
        if len(document) > max_pages:
            raise IngestError(
                f"{uri} has {len(document)} pages, the limit is {max_pages}: split it.", path=uri
            )
        reader = Pages(document, monotonic() + RECOGNITION_SHARE * seconds)
        pages = reader.read()
        if not any(_has_words(item) for page in pages for item in page):
            raise IngestError(
                f"{uri} holds no text, only images: run text recognition (OCR) on it first{_or_install()}.",
                path=uri,
            )
        title = str(document.get_metadata_value("Title"))
        notes = _notes(reader.unread, is_xfa=document.get_formtype() == pypdfium2.raw.FORMTYPE_XFA_FULL)
        attached = [document.get_attachment(number) for number in range(document.count_attachments())]
        notes += [f"Its attachment {one.get_name()} was not read." for one in attached]
    finally:
        document.close()
    outline = Outline()
    add_sections(with_gaps(pages), outline)
    return outline.finish(title="" if _PLACEHOLDER.search(title) else title, uri=uri, notes=notes)


def _notes(unread: Sequence[int], *, is_xfa: bool) -> list[str]:
    notes = []
    if unread:
        pages = "Page" if len(unread) == 1 else "Pages"
        verb = "was" if len(unread) == 1 else "were"
        why = "text recognition failed or took too long" if shutil.which(PROGRAM) else f"install {PROGRAM}"
        notes.append(f"{pages} {_ranges(unread)} {verb} not read, being pictures: {why}.")
    if is_xfa:
        notes.append("Its form is of the XFA kind, which was not read: print it into a new PDF first.")
    return notes


def _ranges(numbers: Sequence[int]) -> str:
    """Return page numbers as people write them: ``2, 4\u20137``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}\u2013{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _or_install() -> str:
    return "" if shutil.which(PROGRAM) else f", or install {PROGRAM}"


def _open(data: bytes, uri: str) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise IngestError(f"{uri} is encrypted: save a copy without a password.", path=uri) from error
        raise


def _has_words(item: Item) -> bool:
    texts = [item.text] if isinstance(item, TextLine) else [cell.text for row in item.rows for cell in row]
    return any(char.isalnum() for text in texts for char in text)
