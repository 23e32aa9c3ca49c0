"""The space above each line: a line of its paragraph, a gap, or another page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

from vital_shared.retrieval.ingest.pdf.page import Item, TextLine

__all__ = ["with_gaps"]

GAP: Final = 1.2
"""The distance between lines that sets a paragraph apart, as a multiple of the usual one."""

RESIZED: Final = 1.12
"""Letters that are larger or smaller by more belong to another paragraph."""


def with_gaps(pages: Sequence[Sequence[Item]]) -> list[tuple[int, Item]]:
    """Return the items of all pages in one list, each with its page's number; lines with their `above`."""
    usual = _usual_steps(pages)
    items: list[tuple[int, Item]] = []
    for number, page in enumerate(pages, start=1):
        for upper, item in zip([None, *page], page, strict=False):
            if isinstance(item, TextLine):
                item = item._replace(above=_above(upper, item, usual))  # noqa: PLW2901
            items.append((number, item))
    return items


def _usual_steps(pages: Sequence[Sequence[Item]]) -> dict[float, float]:
    """Return how far apart lines of one size mostly are: the distance within paragraphs."""
    steps: dict[float, Counter[float]] = {}
    for upper, lower in (pair for page in pages for pair in pairwise(page)):
        if not isinstance(upper, TextLine) or not isinstance(lower, TextLine):
            continue
        if upper.size == lower.size and upper.y < lower.y < math.inf:
            steps.setdefault(lower.size, Counter())[round((lower.y - upper.y) * 2) / 2] += 1
    return {size: min(counter, key=lambda step: (-counter[step], step)) for size, counter in steps.items()}


def _above(upper: Item | None, lower: TextLine, usual: dict[float, float]) -> Literal["line", "gap", "page"]:
    if math.isinf(lower.y):
        return "gap"  # a note
    if upper is None:
        return "page"
    if not isinstance(upper, TextLine):
        return "gap"
    step = lower.y - upper.y
    if step < 0:
        return "page"
    resized = max(upper.size, lower.size) > RESIZED * min(upper.size, lower.size)
    return "gap" if resized or step > GAP * usual.get(lower.size, math.inf) else "line"
