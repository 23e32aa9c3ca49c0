"""A page to lines and tables, in the order in which they are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from vital_shared.retrieval.ingest.pdf.aligned import aligned_table, free_gaps, line_size, segments
from vital_shared.retrieval.ingest.pdf.columns import Strip, in_reading_order, strip_of
from vital_shared.retrieval.ingest.pdf.grid import find_grids, meet, merged_rules
from vital_shared.retrieval.ingest.pdf.ruled import ruled_table
from vital_shared.retrieval.ingest.pdf.rules import Rule
from vital_shared.retrieval.ingest.pdf.table import Table
from vital_shared.retrieval.ingest.pdf.words import Word, columned, joined, text_lines

__all__ = ["Item", "TextLine", "page_items"]

NEXT_LINE: Final = 3.2
"""The largest distance between two rows of a table without lines, in sizes of their letters."""


MIN_DOTS: Final = 4
"""Words of dots in a line that are a leader."""

MIN_FILLED: Final = 0.5
"""The width of a table's text, as a share of the lines above and below it."""


class TextLine(NamedTuple):
    """One line of a page or of its column."""

    text: str
    size: float
    """The size of most of its letters, in points, to a half."""

    bold: bool
    y: float
    code: bool = False
    """Whether it is set in letters of one width; then its spaces are as they stand."""

    above: Literal["line", "gap", "page"] = "line"
    """A line of the same paragraph, as it seems, more space than that, or another page or column."""


Item = TextLine | Table


def page_items(words: Sequence[Word], rules: Sequence[Rule]) -> list[Item]:
    """Return the lines and tables of a page's words of one direction."""
    words = _without_leaders(words)
    tables, words = _ruled_tables(words, rules)
    more, words = _tables_between_rules(words, rules)
    strips = [Strip(table.y0, ((table.x0, table.x1),), table=table) for table in (*tables, *more)]
    strips += map(strip_of, text_lines(words))
    level = [rule for rule in rules if rule.is_level]
    items: list[Item] = []
    for column in in_reading_order(sorted(strips, key=lambda strip: strip.y)):
        items += _column_items(column, level)
    return items


def _without_leaders(words: Sequence[Word]) -> list[Word]:
    """Drop the dots that lead to the numbers of a table; in a table of contents one number follows them."""
    dots = {word for word in words if word.text.strip(".·") == ""}
    if len(dots) < MIN_DOTS:
        return list(words)
    dropped: set[Word] = set()
    for line in text_lines(words):
        leader = [word for word in line if word in dots]
        if len(leader) >= MIN_DOTS and len([word for word in line if word.x0 > leader[-1].x0]) > 1:
            dropped.update(leader)
    return [word for word in words if word not in dropped]


def _ruled_tables(words: Sequence[Word], rules: Sequence[Rule]) -> tuple[list[Table], list[Word]]:
    tables, rest = [], list(words)
    for grid in find_grids(rules):
        inside = [word for word in rest if grid.holds((word.x0 + word.x1) / 2, word.y - word.size / 4)]
        table = ruled_table(grid, inside, rules) if inside else None
        if table is not None:
            tables.append(table)
            rest = [word for word in rest if word not in set(inside)]
    return tables, rest


def _tables_between_rules(words: Sequence[Word], rules: Sequence[Rule]) -> tuple[list[Table], list[Word]]:
    """Return the tables that have level lines alone, as in books, and the other words."""
    tables, rest = [], list(words)
    level, upright = merged_rules(rules)
    for stack in _stacks(rule for rule in level if not any(meet(rule, post) for post in upright)):
        for band in _tabular(stack, rest):
            band = _with_outer_rows(band, rest)  # noqa: PLW2901
            lines = text_lines(band)
            table = aligned_table(lines, level) if len(lines) > 1 else None
            if table is not None:
                tables.append(table._replace(x0=stack[0].x0, x1=stack[0].x1))
                rest = [word for word in rest if word not in set(band)]
    return tables, rest


def _stacks(level: Iterable[Rule]) -> list[list[Rule]]:
    """Return groups of lines of the same extent below each other."""
    stacks: dict[tuple[int, int], list[Rule]] = {}
    for rule in sorted(level, key=lambda rule: rule.y0):
        near = next(
            (key for key in stacks if abs(key[0] - rule.x0) <= 3 and abs(key[1] - rule.x1) <= 3),
            (round(rule.x0), round(rule.x1)),
        )
        stacks.setdefault(near, []).append(rule)
    narrow = sorted(stacks.values(), key=lambda stack: stack[0].x1 - stack[0].x0)
    return [stack for stack in narrow if len(stack) > 1]


def _tabular(stack: list[Rule], words: Sequence[Word]) -> list[list[Word]]:
    """Return the words between lines that follow each other, where they stand in columns."""
    x0, x1 = stack[0].x0 - 2, stack[0].x1 + 2
    bands: list[list[Word]] = [[]]
    for upper, lower in pairwise(stack):
        there = [word for word in words if upper.y0 <= word.y - word.size / 4 <= lower.y0]
        lines = text_lines(there)
        parted = sum(len(segments(line)) > 1 for line in lines)
        inside = all(x0 <= word.x0 and word.x1 <= x1 for word in there)
        inside = inside and _width(there) >= MIN_FILLED * (x1 - x0)
        together = text_lines([*bands[-1], *there])
        if lines and inside and parted >= len(lines) / 2 and free_gaps(together[-len(lines) :]):
            bands[-1] += there
        elif bands[-1]:
            bands.append([])
    return [band for band in bands if band]


def _with_outer_rows(band: list[Word], words: Sequence[Word]) -> list[Word]:
    """Add the lines above the first rule and below the last that stand in the same columns."""
    known = set(band)
    lines = text_lines(band)
    others = text_lines(word for word in words if word not in known)
    above = [line for line in reversed(others) if line[0].y < lines[0][0].y]
    below = [line for line in others if line[0].y > lines[-1][0].y]
    count = len(free_gaps(lines))
    for outer, at_top in ((above, True), (below, False)):
        for line in outer:
            edge = lines[0] if at_top else lines[-1]
            near = abs(line[0].y - edge[0].y) <= NEXT_LINE * line_size(line)
            together = [line, *lines] if at_top else [*lines, line]
            if not near or len(segments(line)) < 2 or len(free_gaps(together)) < count:
                break
            lines = together
    return [word for line in lines for word in line]


def _width(words: Sequence[Word]) -> float:
    return max((word.x1 for word in words), default=0) - min((word.x0 for word in words), default=0)


def _column_items(strips: Sequence[Strip], rules: Sequence[Rule]) -> list[Item]:
    items: list[Item] = []
    number = 0
    left = min(strip.x0 for strip in strips)
    while number < len(strips):
        strip = strips[number]
        if strip.table is not None:
            items.append(strip.table)
            number += 1
            continue
        end = _table_end(strips, number)
        lines = [each.words for each in strips[number:end]]
        table = aligned_table(lines, rules) if len(lines) > 1 else None
        if table is None:
            items.append(_text_line(strip.words, left))
            number += 1
        else:
            items.append(table)
            number = end
    return items


def _table_end(strips: Sequence[Strip], start: int) -> int:
    """Return the end of the lines from `start` on that stand in the same columns."""
    lines = [strips[start].words]
    if _is_code(lines[0]):
        return start
    if len(segments(lines[0])) < 2 and not _is_merged_heading(strips, start):
        return start
    best, merged = 0, 0
    for number in range(start + 1, len(strips)):
        strip = strips[number]
        step = strip.y - strips[number - 1].y
        if (
            strip.table is not None
            or _is_code(strip.words)
            or not 0 <= step <= NEXT_LINE * line_size(strip.words)
        ):
            break
        lines.append(strip.words)
        count = len(free_gaps(lines[merged:]))
        while count < best or count == 0:
            if merged >= min(len(lines) - 2, 3):
                return _without_last_text(strips, start, number)
            merged += 1
            count = len(free_gaps(lines[merged:]))
        best = max(best, count)
    else:
        number = len(strips)
    return _without_last_text(strips, start, number)


def _is_merged_heading(strips: Sequence[Strip], start: int) -> bool:
    """Return whether a line may be a heading over several columns of the lines below it."""
    if start + 2 >= len(strips) or strips[start + 1].table is not None:
        return False
    heading, below = strips[start], strips[start + 1]
    is_inside = heading.x0 > below.x0 + line_size(below.words) and heading.x1 <= below.x1 + 2
    over = sum(x0 < heading.x1 and x1 > heading.x0 for x0, x1 in below.spans)
    is_caption = joined(heading.words).lower().startswith(("table", "figure", "fig.", "tab."))
    return is_inside and 1 < over < len(below.spans) and not is_caption


def _without_last_text(strips: Sequence[Strip], start: int, end: int) -> int:
    """Leave out lines at the end that stand in the first column alone: text that follows."""
    left = min(strip.x0 for strip in strips[start:end])
    while (
        end > start + 1
        and len(segments(strips[end - 1].words)) < 2
        and strips[end - 1].x0 < left + line_size(strips[end - 1].words)
    ):
        end -= 1
    return end


def _is_code(words: Sequence[Word]) -> bool:
    return all(word.mono for word in words)


def _text_line(words: Sequence[Word], left: float) -> TextLine:
    sizes: Counter[float] = Counter()
    for word in words:
        sizes[word.size] += len(word.text)
    size = sizes.most_common(1)[0][0]
    y = next(word.y for word in words if word.size == size)
    code = _is_code(words)
    text = columned(words, left) if code else joined(words)
    return TextLine(text, size, all(word.bold for word in words), y, code)
