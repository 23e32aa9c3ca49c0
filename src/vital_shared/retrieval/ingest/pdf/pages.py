"""The pages of a PDF to lines and tables."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple

from vital_shared.retrieval.ingest.pdf.forms import page_fields, page_notes, turned_fields, with_fields
from vital_shared.retrieval.ingest.pdf.letters import Letter, page_letters
from vital_shared.retrieval.ingest.pdf.page import Item, TextLine, page_items
from vital_shared.retrieval.ingest.pdf.rules import Rule, drawn_rules, turned
from vital_shared.retrieval.ingest.pdf.running_titles import without_running_titles
from vital_shared.retrieval.ingest.pdf.scans import is_scan, recognized_words
from vital_shared.retrieval.ingest.pdf.words import Word, words_of

__all__ = ["Pages"]


MAX_CODE_SHARE: Final = 0.6
"""The share of words in letters of one width above which a document was written with a typewriter."""


DEFAULT_SIZE: Final = 10.0
"""The size of notes on a page without text, in points."""


class _Layer(NamedTuple):
    """The content of a page in one direction."""

    words: list[Word]
    rules: list[Rule]
    is_slanted: bool = False
    """Whether its text runs neither level nor upright, as stamps do."""


class Pages:
    """A reader of the pages of a document.

    :param document: a `pypdfium2.PdfDocument`, its forms loaded.
    :param deadline: the time from which scanned pages are no longer recognized, by the monotonic clock.
    """

    def __init__(self, document: Any, deadline: float) -> None:
        self._document = document
        self._deadline = deadline
        self.unread: list[int] = []
        """Numbers of the pages whose pictures of text were not read."""

        self._notes: list[list[str]] = []

    def read(self) -> list[list[Item]]:
        """Return the lines and tables of each page."""
        pages = _with_code([self._layers(number) for number in range(len(self._document))])
        heads = without_running_titles([layers[0].words if layers else [] for layers in pages])
        stamps: set[str] = set()
        return [
            _with_notes([*_items(layers, head, stamps)], notes)
            for layers, head, notes in zip(pages, heads, self._notes, strict=True)
        ]

    def _layers(self, number: int) -> list[_Layer]:
        """Return what a page has in each direction, that of most letters first."""
        page = self._document[number]
        text = page.get_textpage()
        try:
            form = self._document.formenv
            fields = page_fields(page, form) if form else []
            self._notes.append(page_notes(page))
            letters = _by_angle(page_letters(text, page.get_bbox()))
            words = {angle: words_of(found) for angle, found in letters.items()}
            if not fields and is_scan(page, sum(map(len, words.values()))):
                words = self._recognized(page, number + 1, words)
            rules = drawn_rules(page) if words else []
            layers = [
                _Layer(words[angle], turned(rules, angle), is_slanted=angle % 90 != 0)
                for angle in sorted(words, key=lambda angle: -len(words[angle]))
            ]
            angle = max(words, key=lambda angle: len(words[angle]), default=0)
        finally:
            text.close()
            page.close()
        if fields:
            first = layers[0] if layers else _Layer([], [])
            layers[:1] = [first._replace(words=with_fields(first.words, turned_fields(fields, angle)))]
        return layers

    def _recognized(self, page: Any, number: int, words: dict[int, list[Word]]) -> dict[int, list[Word]]:
        found = recognized_words(page, self._deadline - monotonic())
        if found is None:
            self.unread.append(number)
            return words
        return {0: found} if found else words


def _items(layers: Sequence[_Layer], head: Sequence[Word], stamps: set[str]) -> Iterator[Item]:
    """Yield the lines and tables of a page, and the stamps across its text that no page had before.

    :param stamps: the texts of stamps so far; those of this page are added.
    """
    first = page_items(head, layers[0].rules) if layers else []
    usual = _usual_size(first)
    others = [(layer, item) for layer in layers[1:] for item in page_items(layer.words, layer.rules)]
    stamped = [
        item
        for layer, item in others
        if layer.is_slanted and isinstance(item, TextLine) and item.size > usual
    ]
    for stamp in stamped:
        if stamp.text not in stamps:
            stamps.add(stamp.text)
            yield stamp._replace(size=usual, bold=False)  # it is no heading
    yield from first
    yield from (item for _, item in others if item not in stamped)


def _with_notes(items: list[Item], notes: Sequence[str]) -> list[Item]:
    """Add notes at the end of a page, in the size of its text."""
    size = _usual_size(items)
    return [*items, *(TextLine(f"Note: {note}", size, bold=False, y=math.inf, above="gap") for note in notes)]


def _usual_size(items: Sequence[Item]) -> float:
    sizes = Counter(item.size for item in items if isinstance(item, TextLine))
    return sizes.most_common(1)[0][0] if sizes else DEFAULT_SIZE


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
