"""Plain text, with what structure it shows."""

from __future__ import annotations

import re

from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.decode import decode
from vital_shared.retrieval.ingest.lines import paragraphs, usual_width
from vital_shared.retrieval.ingest.text_table import text_table

__all__ = ["add_text", "parse_text", "read_text"]

_UNDERLINE = re.compile(r"\s*(={3,}|-{3,}|~{3,})\s*")
_LEVELS = {"=": 1, "-": 2, "~": 3}
CAPITALS_LEVEL = 2
MAX_HEADING_WORDS = 12


def parse_text(data: bytes, *, uri: str, charset: str | None = None) -> Parsed:
    """Read plain text: underlined lines, and lines in capitals that stand alone, are headings.

    :raises IngestError: when it is not text.
    """
    return read_text(decode(data, uri=uri, declared=charset), uri=uri)


def read_text(text: str, *, uri: str, title: str = "") -> Parsed:
    """Read plain text that is decoded already."""
    outline = Outline()
    add_text(outline, text)
    return outline.finish(title=title, uri=uri)


def add_text(outline: Outline, text: str) -> None:
    """Add the headings, tables and paragraphs of a text."""
    lines = [line.expandtabs() for line in text.splitlines()]
    width = usual_width(lines)
    for group in _groups(lines):
        body = _take_heading(outline, group)
        rows = text_table(body)
        for row in rows or ():
            outline.add("row", row)
        for kind, block in paragraphs(body, width=width) if rows is None else ():
            outline.add(kind, block)


def _groups(lines: list[str]) -> list[list[str]]:
    """Split at empty lines, and before an underlined line."""
    groups: list[list[str]] = [[]]
    for number, line in enumerate(lines):
        underlined = number + 1 < len(lines) and _is_underline(lines[number + 1], line)
        if not line.strip() or underlined:
            groups.append([])
        if line.strip():
            groups[-1].append(line)
    return [group for group in groups if group]


def _take_heading(outline: Outline, group: list[str]) -> list[str]:
    """Give the heading that a group begins with to the outline, and return the rest."""
    if len(group) > 1 and _is_underline(group[1], group[0]):
        outline.heading(_LEVELS[group[1].strip()[0]], group[0])
        return group[2:]
    if len(group) == 1 and _is_capitals(group[0]):
        outline.heading(CAPITALS_LEVEL, group[0])
        return []
    return [line for line in group if not _UNDERLINE.fullmatch(line)]


def _is_underline(line: str, above: str) -> bool:
    """Return whether `line` underlines the text above it, and is not just a rule across the page."""
    short = 0 < len(above.split()) <= MAX_HEADING_WORDS and not _UNDERLINE.fullmatch(above)
    return (
        short and _UNDERLINE.fullmatch(line) is not None and len(line.strip()) <= 2 * len(above.strip()) + 4
    )


def _is_capitals(line: str) -> bool:
    line = line.strip()
    letters = sum(map(str.isalpha, line))
    ends_sentence = line.endswith((".", ",", ";", "!", "?"))
    return line.isupper() and letters >= 4 and len(line.split()) <= MAX_HEADING_WORDS and not ends_sentence
