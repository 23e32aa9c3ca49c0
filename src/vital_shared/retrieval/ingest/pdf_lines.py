"""The lines of a PDF, with what their looks tell."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from pypdf import PageObject

__all__ = ["Line", "page_lines", "with_gaps", "without_running_titles"]

_BOLD = re.compile(r"bold|black|heavy|semibd|-bd|cmbx", re.IGNORECASE)
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})

_LEADERS = re.compile(r"(?: ?\.){5,} ?")

GAP = 1.2
"""Of the usual distance between lines: what is wider sets a paragraph apart."""

RESIZED = 1.12
"""Letters that are larger or smaller by more belong to another paragraph."""


class Line(NamedTuple):
    """One line of a page."""

    text: str
    size: float
    """Of most of its letters, in points, to a half."""

    bold: bool
    y: float
    above: Literal["line", "gap", "page"] = "line"
    """A line of the same paragraph, as it seems, more space than that, or another page or column."""


class _Run(NamedTuple):
    text: str
    size: float
    bold: bool
    y: float


def page_lines(page: PageObject) -> list[Line]:
    """Return the lines of a page in the order in which they were written."""
    runs: list[list[_Run]] = [[]]

    def on_text(text: str, cm: list[float], tm: list[float], font: Any, size: float) -> None:
        for number, part in enumerate(text.split("\n")):
            if number:
                runs.append([])
            if part:
                runs[-1].append(_run(part, cm, tm, font, size))

    page.extract_text(visitor_text=on_text)
    return [_line(line) for line in runs if any(run.text.strip() for run in line)]


def _run(text: str, cm: list[float], tm: list[float], font: Any, size: float) -> _Run:
    scale = math.hypot(tm[2], tm[3]) * math.hypot(cm[2], cm[3])
    name = str(font.get("/BaseFont", "")) if font else ""
    y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
    return _Run(text.translate(_LIGATURES), round(size * scale * 2) / 2, bool(_BOLD.search(name)), y)


def _line(runs: list[_Run]) -> Line:
    letters = [run for run in runs if run.text.strip()]
    sizes: Counter[float] = Counter()
    for run in letters:
        sizes[run.size] += len(run.text.strip())
    text = _LEADERS.sub(" … ", " ".join("".join(run.text for run in runs).split()))
    return Line(text, sizes.most_common(1)[0][0], all(run.bold for run in letters), letters[0].y)


def without_running_titles(pages: list[list[Line]]) -> list[list[Line]]:
    """Drop page numbers, and what stands at the head or the foot of a tenth of the pages (and of three).

    The first page keeps its titles: they may be the document's own.
    """
    seen = Counter(title for lines in pages for title in {_numberless(line) for line in _edges(lines)})
    often = {title for title, times in seen.items() if times >= max(3, len(pages) / 10)}
    numbers = {title for title in often if not re.search(r"[^\W\d_]", title.lower().replace("page", ""))}
    return [_without(lines, often if number else numbers) for number, lines in enumerate(pages)]


def _without(lines: list[Line], often: set[str]) -> list[Line]:
    edges = _edges(lines)
    return [
        line for line in lines if not (any(line is edge for edge in edges) and _numberless(line) in often)
    ]


def _edges(lines: list[Line]) -> list[Line]:
    return lines if len(lines) <= 4 else [*lines[:2], *lines[-2:]]


def _numberless(line: Line) -> str:
    return re.sub(r"\d+|\b[ivxlc]+$", "#", line.text)


def with_gaps(pages: list[list[Line]]) -> list[Line]:
    """Return the lines of all pages in one list, with what is above each."""
    usual = _usual_steps(pages)
    lines: list[Line] = []
    for page in pages:
        for number, line in enumerate(page):
            lines.append(line._replace(above=_above(page[number - 1], line, usual) if number else "page"))
    return lines


def _usual_steps(pages: list[list[Line]]) -> dict[float, float]:
    """Return how far apart lines of one size mostly are: the distance within paragraphs."""
    steps: dict[float, Counter[float]] = {}
    for upper, lower in (pair for page in pages for pair in pairwise(page)):
        if upper.size == lower.size and upper.y > lower.y:
            steps.setdefault(lower.size, Counter())[round((upper.y - lower.y) * 2) / 2] += 1
    return {size: min(counter, key=lambda step: (-counter[step], step)) for size, counter in steps.items()}


def _above(upper: Line, lower: Line, usual: dict[float, float]) -> Literal["line", "gap", "page"]:
    step = upper.y - lower.y
    if step < 0:
        return "page"
    resized = max(upper.size, lower.size) > RESIZED * min(upper.size, lower.size)
    return "gap" if resized or step > GAP * usual.get(lower.size, math.inf) else "line"
