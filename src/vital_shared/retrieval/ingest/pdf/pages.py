"""The pages of a PDF to lines and tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from vital_shared.retrieval.ingest.pdf.letters import Letter, page_letters
from vital_shared.retrieval.ingest.pdf.page import Item, page_items
from vital_shared.retrieval.ingest.pdf.rules import Rule, drawn_rules, turned
from vital_shared.retrieval.ingest.pdf.running_titles import without_running_titles
from vital_shared.retrieval.ingest.pdf.words import Word, words_of

__all__ = ["Pages"]


MAX_CODE_SHARE: Final = 0.6
"""Of a document's words; where more have letters of one width, it was written with a typewriter."""


class _Layer(NamedTuple):
    """What stands on a page in one direction."""

    words: list[Word]
    rules: list[Rule]


class Pages:
    """Reads the pages of a document.

    :param document: a `pypdfium2.PdfDocument`, its forms loaded.
    """

    def __init__(self, document: Any) -> None:
        self._document = document

    def read(self) -> list[list[Item]]:
        """Return the lines and tables of each page."""
        pages = _with_code([self._layers(number) for number in range(len(self._document))])
        heads = without_running_titles([layers[0].words if layers else [] for layers in pages])
        return [
            [
                item
                for number, layer in enumerate(layers)
                for item in page_items(layer.words if number else head, layer.rules)
            ]
            for layers, head in zip(pages, heads, strict=True)
        ]

    def _layers(self, number: int) -> list[_Layer]:
        """Return what a page has in each direction, that of most letters first."""
        page = self._document[number]
        text = page.get_textpage()
        try:
            letters = _by_angle(page_letters(text, page.get_bbox()))
            rules = drawn_rules(page) if letters else []
            angles = sorted(letters, key=lambda angle: -len(letters[angle]))
            return [_Layer(words_of(letters[angle]), turned(rules, angle)) for angle in angles]
        finally:
            text.close()
            page.close()


def _with_code(pages: list[list[_Layer]]) -> list[list[_Layer]]:
    """Take letters of one width for code only where the document has others too."""
    widths = Counter(word.mono for layers in pages for layer in layers for word in layer.words)
    if widths[True] <= MAX_CODE_SHARE * widths.total():
        return pages
    return [
        [layer._replace(words=[word._replace(mono=False) for word in layer.words]) for layer in layers]
        for layers in pages
    ]


def _by_angle(letters: Iterable[Letter]) -> dict[int, list[Letter]]:
    by_angle: dict[int, list[Letter]] = defaultdict(list)
    for letter in letters:
        by_angle[letter.angle].append(letter)
    return by_angle
