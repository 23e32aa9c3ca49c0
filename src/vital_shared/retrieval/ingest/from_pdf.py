"""PDF: pages by position, put back into sections, paragraphs and tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import pypdfium2  # type: ignore[import-untyped]

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.lines import paragraphs, usual_width
from vital_shared.retrieval.ingest.pdf.gaps import with_gaps
from vital_shared.retrieval.ingest.pdf.page import Item, TextLine
from vital_shared.retrieval.ingest.pdf.pages import Pages
from vital_shared.retrieval.ingest.pdf.table_text import TableText

__all__ = ["parse_pdf"]

_PLACEHOLDER: Final = re.compile(
    r"untitled|anonymous|microsoft word|\.(?:docx?|indd|tex|pdf|pptx?)$", re.IGNORECASE
)
_BROKEN_WORD: Final = re.compile(r"(?P<start>[^\W\d_]+)-$")

MAX_HEADING_WORDS: Final = 16
LARGER: Final = 1.15
"""Than the body text: a heading."""


def parse_pdf(data: bytes, *, uri: str, max_pages: int) -> Parsed:
    """Read a PDF: words by where they stand, headings by their size and weight, tables by their columns.

    :raises IngestError: when it is encrypted, damaged, has too many pages or holds no text.
    """
    document = _open(data, uri)
    try:
        document.init_forms()
        if len(document) > max_pages:
            raise IngestError(
                f"{uri} has {len(document)} pages, the limit is {max_pages}: split it.", path=uri
            )
        pages = Pages(document).read()
        if not any(_has_words(item) for page in pages for item in page):
            raise IngestError(
                f"{uri} holds no text, only images: run text recognition (OCR) on it first.", path=uri
            )
        title = str(document.get_metadata_value("Title"))
    finally:
        document.close()
    outline = Outline()
    _add(with_gaps(pages), outline)
    return outline.finish(title="" if _PLACEHOLDER.search(title) else title, uri=uri)


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


def _add(items: Sequence[tuple[int, Item]], outline: Outline) -> None:
    """Give headings, paragraphs and tables to the outline; a heading over several lines is one."""
    lines = _with_whole_words([item for _, item in items])
    levels = _levels([line for line in lines if isinstance(line, TextLine)])
    width = usual_width([line.text for line in lines if isinstance(line, TextLine)])
    tables = TableText()
    body: list[str] = []
    heading: list[str] = []
    code: list[str] = []
    for item, following in pairwise([*lines, None]):
        assert item is not None  # noqa: S101  # only the last of the list is None
        if not isinstance(item, TextLine):
            _flush(body, width, outline)
            for row in tables.rows(item):
                outline.add("row", row)
            continue
        if _is_code(item, following, in_code=bool(code)):
            _flush(body, width, outline)
            code.append(item.text)
            if not isinstance(following, TextLine) or not following.code or following.above == "gap":
                outline.add("code", "\n".join(code))
                code.clear()
            continue
        level = levels.get(_look(item)) if _may_be_heading(item) or heading else None
        if level is None:
            body += ["", item.text] if item.above == "gap" else [item.text]
            continue
        tables.interrupt()
        _flush(body, width, outline)
        heading.append(item.text)
        goes_on = isinstance(following, TextLine) and following.above == "line"
        if not goes_on or _look(following) != _look(item):  # type: ignore[arg-type]
            outline.heading(level, " ".join(heading))
            heading.clear()
    _flush(body, width, outline)


def _is_code(line: TextLine, following: Item | None, *, in_code: bool) -> bool:
    """Tell whether a line is one of several in letters of one width, or stands alone."""
    before_code = isinstance(following, TextLine) and following.code and following.above == "line"
    return line.code and (in_code or before_code or line.above == "gap")


def _flush(body: list[str], width: int, outline: Outline) -> None:
    for kind, text in paragraphs(body, width=width):
        outline.add(kind, text)
    body.clear()


def _look(line: TextLine) -> tuple[float, bool]:
    return line.size, line.bold


def _levels(lines: list[TextLine]) -> dict[tuple[float, bool], int]:
    """Return the level of each look that headings have: the largest is 1."""
    looks: Counter[tuple[float, bool]] = Counter()
    for line in lines:
        looks[_look(line)] += len(line.text)
    if not looks:
        return {}
    size, bold = looks.most_common(1)[0][0]
    larger = [
        look for look in looks if look[0] >= LARGER * size or (look[1] and not bold and look[0] >= size)
    ]
    return {look: level for level, look in enumerate(sorted(larger, reverse=True), start=1)}


def _may_be_heading(line: TextLine) -> bool:
    sentence = line.text.endswith((".", ",", ";", ":"))
    letters = any(map(str.isalpha, line.text))
    return line.above != "line" and letters and not sentence and len(line.text.split()) <= MAX_HEADING_WORDS


def _with_whole_words(items: list[Item]) -> list[Item]:
    """Join words that were hyphenated at the end of a line.

    A hyphen stays where the document writes the word with it elsewhere (``long-term``).
    """
    known = Counter(
        word.casefold()
        for line in items
        if isinstance(line, TextLine)
        for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)+", line.text)
    )
    whole: list[Item] = []
    for line in items:
        upper = whole[-1] if whole else None
        if not isinstance(line, TextLine) or not isinstance(upper, TextLine):
            whole.append(line)
            continue
        broken = _BROKEN_WORD.search(upper.text)
        end = re.match(r"[^\W\d_]+", line.text)
        if broken and end and end.group()[0].islower():
            hyphen = "-" if f"{broken['start']}-{end.group()}".casefold() in known else ""
            word, _, rest = line.text.partition(" ")
            whole[-1] = upper._replace(text=upper.text[:-1] + hyphen + word)
            if rest:
                whole.append(line._replace(text=rest.strip()))
        else:
            whole.append(line)
    return whole
