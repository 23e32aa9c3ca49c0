"""Rich Text Format: its text with notes, tables and text boxes, without pictures and styles."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Final

from striprtf.striprtf import rtf_to_text

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.from_text import add_text
from vital_shared.retrieval.ingest.header_rows import Cell, guessed_header
from vital_shared.retrieval.ingest.rtf_cells import CELL, ROW, cells_of, with_marked_cells
from vital_shared.retrieval.ingest.rtf_fonts import with_letters_of_fonts
from vital_shared.retrieval.ingest.rtf_hidden import without_hidden
from vital_shared.retrieval.ingest.rtf_letters import with_marked_letters, with_spelt_letters
from vital_shared.retrieval.ingest.tables import table_lines

__all__ = ["parse_rtf"]

START: Final = b"{\\rtf"

_NOTE, _END = "\x03", "\x04"
"""Marks of notes; no text has these control characters, or those of letters and cells."""

_MARKS: Final = re.compile("[\x01-\x08\x0e\x0f]")
_DESTINATION: Final = re.compile(r"\{(?:\\\*)?\\(?P<name>footnote|shptxt)(?![a-z0-9])")
_BRACES: Final = re.compile(r"\\.|[{}]", re.DOTALL)
_NOTE_TEXT: Final = re.compile(f"{_NOTE}(?P<text>[^{_END}]*){_END}(?P<rest>[^\n]*)")


def parse_rtf(data: bytes, *, uri: str) -> Parsed:
    """Read a rich text; each row of a table stands alone, with its headings.

    :raises IngestError: when it is something else.
    """
    if not data.lstrip().startswith(START):
        raise IngestError(f"{uri} is not rich text: it does not begin with {{\\rtf.", path=uri)
    source = with_letters_of_fonts(_MARKS.sub("", data.decode("latin-1")))
    source = _with_boxes(without_hidden(source))
    source = with_marked_cells(with_marked_letters(source))
    text: str = rtf_to_text(source, errors="replace")  # type: ignore[no-untyped-call]
    outline = Outline()
    _add(outline, _spelt_out(text))
    return outline.finish(title="", uri=uri)


def _with_boxes(source: str) -> str:
    """Mark footnotes where they stand, and put the text of boxes at the end."""
    parts: list[str] = []
    boxes: list[str] = []
    start = 0
    while match := _DESTINATION.search(source, start):
        end = _group_end(source, match.start())
        content = source[match.end() : end - 1]
        parts.append(source[start : match.start()])
        if match["name"] == "footnote":
            parts.append(f"{{{_NOTE} {content}{_END}}}")
        else:
            boxes.append(rf"\par {{{content}}}\par ")
        start = end
    text = "".join([*parts, source[start:]])
    last = text.rfind("}")
    return text[:last] + "".join(dict.fromkeys(boxes)) + text[last:] if boxes and last > 0 else text


def _group_end(source: str, start: int) -> int:
    """Return the place behind the brace that closes a group."""
    depth = 0
    for brace in _BRACES.finditer(source, start):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return brace.end()
    return len(source)


def _spelt_out(text: str) -> str:
    text = with_spelt_letters(text)
    while match := _NOTE_TEXT.search(text):
        note = " ".join(match["text"].replace(_NOTE, "").split())
        text = f"{text[: match.start()]}{match['rest']}\n{note}{text[match.end() :]}"
    return text.replace(_END, "")


def _add(outline: Outline, text: str) -> None:
    """Add the paragraphs of a text, and its tables as rows with their headings."""
    for is_row, group in groupby(_whole_rows(text), key=lambda line: ROW in line):
        if not is_row:
            add_text(outline, "\n\n".join(line.replace(CELL, " ") for line in group))
            continue
        rows = cells_of(list(group))
        width = max(map(len, rows), default=0)
        even = [[*row, *[Cell()] * (width - len(row))] for row in rows]
        for line in table_lines(even, guessed_header(even)):
            outline.add("row", line)


def _whole_rows(text: str) -> list[str]:
    """Split a text into lines; the paragraphs of a row's cells stay together."""
    lines: list[str] = []
    open_row = ""
    for line in text.split("\n"):
        if CELL in line or open_row:
            open_row += f"{line} "
            if ROW in line:
                lines.append(open_row)
                open_row = ""
        else:
            lines.append(line)
    return [*lines, *open_row.split("\n")] if open_row else lines
