"""Rich Text Format: its text with notes, tables and text boxes, without pictures and styles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from striprtf.striprtf import rtf_to_text

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.blocks import Parsed
from vital_shared.retrieval.ingest.from_text import read_text
from vital_shared.retrieval.ingest.header_rows import Cell, guessed_header
from vital_shared.retrieval.ingest.letter_forms import raised, struck
from vital_shared.retrieval.ingest.rtf_hidden import without_hidden
from vital_shared.retrieval.ingest.tables import table_lines

__all__ = ["parse_rtf"]

START: Final = b"{\\rtf"

_RAISED, _STRUCK, _NOTE, _END, _ROW, _CELL = "\x01", "\x02", "\x03", "\x04", "\x05", "\x06"
"""Marks of letters' forms, notes and rows; no text has these control characters."""

_MARKS: Final = re.compile("[\x01-\x06]")
_GROUP: Final = re.compile(r"\{((?:\\\*)?(?:\\[a-z]+-?\d* ?)+)([^{}]*)\}")
_SUPER: Final = re.compile(r"\\super(?![a-z0-9])")
_STRIKE: Final = re.compile(r"\\striked?1?(?![a-z0-9])")
_DESTINATION: Final = re.compile(r"\{(?:\\\*)?\\(?P<name>footnote|shptxt)(?![a-z0-9])")
_BRACES: Final = re.compile(r"\\.|[{}]", re.DOTALL)
_RAISED_TEXT: Final = re.compile(f"(?P<before>.?){_RAISED}(?P<text>[^{_END}]*){_END}")
_STRUCK_TEXT: Final = re.compile(f"{_STRUCK}(?P<text>[^{_END}]*){_END}")
_NOTE_TEXT: Final = re.compile(f"{_NOTE}(?P<text>[^{_END}]*){_END}(?P<rest>[^\n]*)")


def parse_rtf(data: bytes, *, uri: str) -> Parsed:
    """Read a rich text; each row of a table stands alone, with its headings.

    :raises IngestError: when it is something else.
    """
    if not data.lstrip().startswith(START):
        raise IngestError(f"{uri} is no rich text: it does not begin with {{\\rtf.", path=uri)
    source = _with_boxes(without_hidden(_MARKS.sub("", data.decode("latin-1"))))
    source = _GROUP.sub(_marked, source)
    source = re.sub(r"\\(?:nest)?cell(?![a-z0-9]) ?", lambda _: _CELL, source)
    source = re.sub(r"\\(?:nest)?row(?![a-z0-9]) ?", lambda _: rf"{_ROW}\par ", source)
    text: str = rtf_to_text(source, errors="replace")  # type: ignore[no-untyped-call]
    return read_text("\n\n".join(_lines(_spelt_out(text))), uri=uri)


def _marked(group: re.Match[str]) -> str:
    """Mark the text of a group of raised or struck letters."""
    controls, text = group.groups()
    for pattern, mark in ((_SUPER, _RAISED), (_STRIKE, _STRUCK)):
        if text and pattern.search(controls):
            return f"{{{controls}{mark}{text}{_END}}}"
    return group.group()


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
    text = _RAISED_TEXT.sub(lambda m: m["before"] + raised(m["text"], m["before"]), text)
    text = _STRUCK_TEXT.sub(lambda m: struck(m["text"]), text)
    while match := _NOTE_TEXT.search(text):
        note = " ".join(match["text"].replace(_NOTE, "").split())
        text = f"{text[: match.start()]}{match['rest']}\n{note}{text[match.end() :]}"
    return text.replace(_END, "")


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text; those of tables as rows with their headings."""
    for is_row, group in groupby(_whole_rows(text), key=lambda line: _ROW in line):
        if not is_row:
            yield from (line.replace(_CELL, " ") for line in group)
            continue
        cells = (line.split(_ROW)[0].split(_CELL)[:-1] for line in group)
        rows = [[Cell(" ".join(cell.split())) for cell in row] for row in cells]
        width = max(map(len, rows), default=0)
        even = [[*row, *[Cell()] * (width - len(row))] for row in rows]
        yield from table_lines(even, guessed_header(even))


def _whole_rows(text: str) -> list[str]:
    """Split a text into lines; the paragraphs of a row's cells stay together."""
    lines: list[str] = []
    open_row = ""
    for line in text.split("\n"):
        if _CELL in line or open_row:
            open_row += f"{line} "
            if _ROW in line:
                lines.append(open_row)
                open_row = ""
        else:
            lines.append(line)
    return [*lines, *open_row.split("\n")] if open_row else lines
