"""What is done with an answer takes time in proportion to its length, whatever the text is made of.

Measured is the processor's time for a text and for one eight times as long: a quadratic part would take 64
times as long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from tests.variants import sampled

from vital_shared.cache.rules import normalised
from vital_shared.llm.citing import Citer
from vital_shared.llm.groundedness import groundedness
from vital_shared.llm.pieces import pieces
from vital_shared.llm.prompts.fence import clean
from vital_shared.models.citation import Citation
from vital_shared.retrieval.sentences import split
from vital_shared.retrieval.words import content_words, names, numbers, spelt_numbers
from vital_shared.testing import passage

CHARACTERS = 12_000
TIMES = 8
MOST_TIMES = 30
"""Half of what a quadratic part would take, and with room for a noisy machine."""

LEAST_SECONDS = 0.005
"""Taken for the shorter text at least: what is below is mostly noise."""

UNITS = {
    "prose": "The review of a device takes 90 days [1]. ",
    "one word": "abcdefgh",
    "markers": "[1]",
    "open brackets": "[",
    "open pictures": "![",
    "open links": "[a](",
    "wide brackets": "\u3010",
    "newlines": "\n",
    "spaces": " ",
    "tabs": "\t",
    "full stops": ".",
    "ellipses": "…",
    "stops and capitals": ". A",
    "numbered no sentences": "No. 1 ",
    "abbreviations": "U.S. A",
    "items": "- a\n",
    "numbered items": "1. a\n",
    "rows": "| a | b |\n",
    "headings": "#\n",
    "leads": "aa:\n",
    "lines": "aa\n",
    "wrapped lines": "the,\n",
    "digits": "1",
    "thousands": "1,",
    "roles": "user: ",
    "roles far from colons": "user   ",
    "special tokens": "<|",
    "backticks": "`",
    "combining marks": "\u0315\u0300",
}


def cited() -> tuple[list[Citation], list]:
    source = passage("The review of a device takes 90 days.")
    fields = ("document_id", "title", "uri", "section", "source")
    given = {field: getattr(source, field) for field in fields}
    return [Citation(number=1, passage_id=source.id, quote="x", **given)], [source]


def cite(text: str, size: int) -> None:
    citer = Citer([passage("The review of a device takes 90 days.")])
    for begin in range(0, len(text), size):
        for _ in citer.feed(text[begin : begin + size]):
            pass
    for _ in citer.end():
        pass


WORK: dict[str, Callable[[str], object]] = {
    "split": split,
    "content_words": content_words,
    "numbers": numbers,
    "names": names,
    "spelt_numbers": spelt_numbers,
    "groundedness": lambda text: asyncio.run(groundedness(text, *cited())),
    "citing": lambda text: cite(text, 16_384),
    "citing token by token": lambda text: cite(text, 4),
    "pieces": lambda text: pieces(passage(text)),
    "clean": clean,
    "normalised": normalised,
}


def seconds(work: Callable[[str], object], text: str) -> float:
    begin = time.process_time()
    work(text)
    return time.process_time() - begin


@pytest.mark.parametrize("work", sampled(WORK.values(), 3), ids=WORK)
def test_eight_times_the_text_takes_eight_times_as_long(work: Callable[[str], object]) -> None:
    slow = {}
    for name, unit in UNITS.items():
        text = unit * (CHARACTERS // len(unit))
        allowed = MOST_TIMES * max(seconds(work, text), LEAST_SECONDS)
        if all(seconds(work, text * TIMES) > allowed for _ in range(2)):
            slow[name] = allowed
    assert slow == {}
