"""The columns of a page, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from vital_shared.retrieval.ingest.pdf.aligned import segments
from vital_shared.retrieval.ingest.pdf.table import Table
from vital_shared.retrieval.ingest.pdf.words import Word

__all__ = ["Strip", "in_reading_order", "strip_of"]

Span = tuple[float, float]

MIN_GUTTER: Final = 7.0
"""Points between two columns."""

MIN_LINES: Final = 3
"""Lines that a column has at least."""

LOOSE_LINES: Final = 6
"""Lines that are enough to recognize columns by the few of them that have another one beside them."""

LEVEL_SHARE: Final = 0.6
"""The share of lines beside another from which on they are a table's; in tables nearly all are."""

WORDS_PER_LINE: Final = 2.5
FULL_LINE: Final = 0.7
MAX_PARTS: Final = 1.3
"""Parts with wide spaces between them that a line of one column has on average."""


class Strip(NamedTuple):
    """A line of a page, or a table."""

    y: float
    spans: tuple[Span, ...]
    """The spans of its text, from the left to the right."""

    words: tuple[Word, ...] = ()
    table: Table | None = None

    @property
    def x0(self) -> float:
        """Left end."""
        return self.spans[0][0]

    @property
    def x1(self) -> float:
        """Right end."""
        return self.spans[-1][1]


class _Gutter(NamedTuple):
    first: int
    last: int
    x: float


def strip_of(line: Sequence[Word]) -> Strip:
    """Return the strip of a line of words."""
    parts = [line] if all(word.mono for word in line) else segments(line, gap=0.6)
    spans = tuple((part[0].x0, part[-1].x1) for part in parts)
    return Strip(max(line, key=lambda word: word.size).y, spans, tuple(line))


def in_reading_order(strips: Sequence[Strip]) -> list[list[Strip]]:
    """Return the strips by column; what goes across columns parts them into upper and lower ones."""
    gutter = _widest_gutter(strips)
    if gutter is None:
        return [list(strips)] if strips else []
    inside = strips[gutter.first : gutter.last + 1]
    left = [part for strip in inside if (part := _side(strip, gutter.x, left=True))]
    right = [part for strip in inside if (part := _side(strip, gutter.x, left=False))]
    parts = (strips[: gutter.first], left, right, strips[gutter.last + 1 :])
    return [column for part in parts for column in in_reading_order(part)]


def _side(strip: Strip, x: float, *, left: bool) -> Strip | None:
    if strip.table is not None:
        return strip if (strip.x1 <= x) == left else None
    words = [word for word in strip.words if (word.x0 < x) == left]
    return strip_of(words)._replace(y=strip.y) if words else None


def _widest_gutter(strips: Sequence[Strip]) -> _Gutter | None:
    """Return the gutter that most strips leave free, between two columns of text."""
    best: tuple[int, float, _Gutter] | None = None
    start = 0
    while start < len(strips) - MIN_LINES:
        found = _runs(strips, start)
        for last, (x0, x1) in found:
            gutter = _Gutter(start, last, (x0 + x1) / 2)
            weight = (last - start, x1 - x0)
            if (best is None or weight > best[:2]) and _parts_text(strips[start : last + 1], gutter.x):
                best = (*weight, gutter)
        start += 1
        if best is not None and start > best[2].first and len(strips) - start < best[0]:
            break
        while start < len(strips) and not _may_begin(strips, start):
            start += 1
    return best[2] if best else None


def _may_begin(strips: Sequence[Strip], start: int) -> bool:
    """Return whether a strip is parted, or stands beside the next one."""
    strip = strips[start]
    if len(strip.spans) > 1:
        return True
    return any(
        other.x0 >= strip.x1 + MIN_GUTTER or strip.x0 >= other.x1 + MIN_GUTTER
        for other in strips[start + 1 : start + 3]
    )


def _runs(strips: Sequence[Strip], start: int) -> list[tuple[int, Span]]:
    """Return the last strip that leaves a space free which the strip `start` has, for each such space."""
    free = _free(strips[start])
    ended: list[tuple[int, Span]] = []
    for number in range(start + 1, len(strips)):
        theirs = _free(strips[number])
        going = [
            (max(x0, y0), min(x1, y1))
            for x0, x1 in free
            for y0, y1 in theirs
            if min(x1, y1) - max(x0, y0) >= MIN_GUTTER
        ]
        if len(going) < len(free):
            ended += [
                (number - 1, span)
                for span in free
                if not any(x0 >= span[0] and x1 <= span[1] for x0, x1 in going)
            ]
        free = going
        if not free:
            return ended
    return ended + [(len(strips) - 1, span) for span in free]


def _free(strip: Strip) -> list[Span]:
    ends = [float("-inf"), *(end for span in strip.spans for end in span), float("inf")]
    return [(x0, x1) for x0, x1 in zip(ends[::2], ends[1::2], strict=True) if x1 - x0 >= MIN_GUTTER]


def _parts_text(strips: Sequence[Strip], x: float) -> bool:
    """Return whether the parts left and right of a gutter are columns of text, and not those of a table."""
    left = [part for strip in strips if (part := _side(strip, x, left=True))]
    right = [part for strip in strips if (part := _side(strip, x, left=False))]
    if min(len(left), len(right)) < MIN_LINES or not _overlap(left, right):
        return False
    if _is_prose(left) and _is_prose(right):
        return True
    fewest = min(len(left), len(right))
    beside = len(left) + len(right) - len(strips)
    return fewest >= LOOSE_LINES and beside < LEVEL_SHARE * fewest


def _overlap(left: Sequence[Strip], right: Sequence[Strip]) -> bool:
    return left[0].y <= right[-1].y and right[0].y <= left[-1].y


def _is_prose(strips: Sequence[Strip]) -> bool:
    """Return whether strips are lines of running text, in one column or again in several."""
    lines = [strip for strip in strips if strip.table is None]
    width = max(strip.x1 for strip in strips) - min(strip.x0 for strip in strips)
    full = sum(strip.x1 - strip.x0 >= FULL_LINE * width for strip in lines)
    words = sum(len(strip.words) for strip in lines)
    parts = sum(len(strip.spans) for strip in lines)
    enough = WORDS_PER_LINE * (len(lines) if parts <= MAX_PARTS * len(lines) else parts)
    return full >= len(lines) / 2 and words >= enough
