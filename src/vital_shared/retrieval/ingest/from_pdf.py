"""PDF: the text of its pages, put back into paragraphs and sections."""

from __future__ import annotations

import logging
import re
from collections import Counter
from io import BytesIO
from itertools import pairwise

from pypdf import PasswordType, PdfReader

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.lines import paragraphs, usual_width
from vital_shared.retrieval.ingest.pdf_lines import Line, page_lines, with_gaps, without_running_titles

__all__ = ["parse_pdf"]

# It warns of each of a file's small faults, which it repairs; what it cannot repair it raises.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

_BROKEN_WORD = re.compile(r"(?P<start>[^\W\d_]+)-$")
_PLACEHOLDER = re.compile(r"untitled|microsoft word|\.(?:docx?|indd|tex|pdf|pptx?)$", re.IGNORECASE)

MAX_HEADING_WORDS = 16
LARGER = 1.15
"""Than the body text: a heading."""


def parse_pdf(data: bytes, *, uri: str, max_pages: int) -> Parsed:
    """Read the text of a PDF; headings are told by their size and weight.

    :raises IngestError: when it is encrypted, has too many pages or holds no text.
    """
    reader = PdfReader(BytesIO(data))
    if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
        raise IngestError(f"{uri} is encrypted: save a copy without a password.", path=uri)
    count = reader.get_num_pages()
    if count > max_pages:
        raise IngestError(f"{uri} has {count} pages, the limit is {max_pages}: split it.", path=uri)
    pages = [page_lines(page) for page in reader.pages]
    if not any(char.isalnum() for lines in pages for line in lines for char in line.text):
        raise IngestError(
            f"{uri} holds no text, only images: run text recognition (OCR) on it first.", path=uri
        )
    outline = Outline()
    _add(with_gaps(without_running_titles(pages)), outline)
    return outline.finish(title=_title(reader), uri=uri)


def _title(reader: PdfReader) -> str:
    title = str((reader.metadata and reader.metadata.title) or "")
    return "" if _PLACEHOLDER.search(title) else title


def _add(lines: list[Line], outline: Outline) -> None:
    """Give headings and paragraphs to the outline; a heading over several lines is one."""
    lines = _with_whole_words(lines)
    levels = _levels(lines)
    body: list[str] = []
    width = usual_width([line.text for line in lines])
    heading: list[str] = []
    for line, following in pairwise([*lines, None]):
        assert line is not None  # noqa: S101  # only the last of the list is None
        level = levels.get(_look(line)) if _may_be_heading(line) or heading else None
        if level is None:
            body += ["", line.text] if line.above == "gap" else [line.text]
            continue
        _flush(body, width, outline)
        heading.append(line.text)
        if following is None or following.above != "line" or _look(following) != _look(line):
            outline.heading(level, " ".join(heading))
            heading.clear()
    _flush(body, width, outline)


def _flush(body: list[str], width: int, outline: Outline) -> None:
    for kind, text in paragraphs(body, width=width):
        outline.add(kind, text)
    body.clear()


def _look(line: Line) -> tuple[float, bool]:
    return line.size, line.bold


def _levels(lines: list[Line]) -> dict[tuple[float, bool], int]:
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


def _may_be_heading(line: Line) -> bool:
    sentence = line.text.endswith((".", ",", ";", ":"))
    letters = any(map(str.isalpha, line.text))
    return line.above != "line" and letters and not sentence and len(line.text.split()) <= MAX_HEADING_WORDS


def _with_whole_words(lines: list[Line]) -> list[Line]:
    """Join words that were hyphenated at the end of a line.

    A hyphen stays where the document writes the word with it elsewhere (``long-term``).
    """
    known = Counter(
        word.casefold() for line in lines for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)+", line.text)
    )
    whole: list[Line] = []
    for line in lines:
        broken = _BROKEN_WORD.search(whole[-1].text) if whole else None
        end = re.match(r"[^\W\d_]+", line.text)
        if broken and end and end.group()[0].islower():
            hyphen = "-" if f"{broken['start']}-{end.group()}".casefold() in known else ""
            word, _, rest = line.text.partition(" ")
            whole[-1] = whole[-1]._replace(text=whole[-1].text[:-1] + hyphen + word)
            if rest:
                whole.append(line._replace(text=rest.strip()))
        else:
            whole.append(line)
    return whole
