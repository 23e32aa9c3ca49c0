"""Page numbers, and titles that stand on many pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from vital_shared.retrieval.ingest.pdf.words import Word, joined, text_lines

__all__ = ["without_running_titles"]

MIN_PAGES: Final = 3
MIN_SHARE: Final = 0.1
"""The share of pages that have a title which runs through a document."""

_NUMBER: Final = re.compile(r"[0-9]{1,6}|\b[ivxlcIVXLC]+\b")
_ROMAN: Final = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}

Line = list[Word]


def without_running_titles(pages: Sequence[Sequence[Word]]) -> list[list[Word]]:
    """Drop page numbers, and what stands at the head or the foot of a tenth of the pages (and of three).

    Numbers in it are the same, or count the pages: rows of a table, whose numbers do neither, stay.
    The first page keeps its titles: they may be the document's own.
    """
    edges = [
        [(line, _forms(joined(line), number)) for line in _edges(text_lines(words))]
        for number, words in enumerate(pages)
    ]
    seen = Counter(form for page in edges for form in {form for _, forms in page for form in forms})
    often = {form for form, times in seen.items() if times >= max(MIN_PAGES, len(pages) * MIN_SHARE)}
    numbers = {form for form in often if not re.search(r"[^\W\d_]", form.lower().replace("page", ""))}
    return [
        _without(words, lines, often if number else numbers)
        for number, (words, lines) in enumerate(zip(pages, edges, strict=True))
    ]


def _without(words: Sequence[Word], edges: Sequence[tuple[Line, set[str]]], often: set[str]) -> list[Word]:
    dropped = {word for line, forms in edges if not forms.isdisjoint(often) for word in line}
    return [word for word in words if word not in dropped]


def _edges(lines: list[Line]) -> list[Line]:
    return lines if len(lines) <= 4 else [*lines[:2], *lines[-2:]]


def _forms(text: str, page: int) -> set[str]:
    """Return a line as it is, and with each of its numbers as its distance from the number of the page."""
    forms = {text}
    for found in _NUMBER.finditer(text):
        number = int(found.group()) if found.group().isdigit() else _roman(found.group().lower())
        forms.add(f"{text[: found.start()]}#{number - page}{text[found.end() :]}")
    return forms


def _roman(numeral: str) -> int:
    values = [_ROMAN[letter] for letter in numeral]
    return sum(-one if one < other else one for one, other in zip(values, [*values[1:], 0], strict=True))
