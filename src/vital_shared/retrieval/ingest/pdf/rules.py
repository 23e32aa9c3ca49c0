"""The lines that are drawn on a page: borders of tables and cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ctypes import c_float, c_int
from itertools import pairwise
from typing import Any, Final, NamedTuple

import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

__all__ = ["Rule", "drawn_rules", "turned"]

Point = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]

THIN_POINTS: Final = 3.5
"""Width up to which a filled rectangle is a line."""

MIN_LENGTH: Final = 4.0
MAX_RULES: Final = 4_000
"""Lines on a page; where there are more, they are a drawing and not a table."""

MAX_DEPTH: Final = 8


class Rule(NamedTuple):
    """A horizontal or vertical line, in points, y growing downwards."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def is_level(self) -> bool:
        """Whether it is horizontal."""
        return self.y1 - self.y0 <= self.x1 - self.x0


def drawn_rules(page: Any) -> list[Rule]:
    """Return the horizontal and vertical lines of a page; none where there are too many."""
    rules: list[Rule] = []
    for rule in _rules(_page_objects(page), (1, 0, 0, 1, 0, 0), 0):
        rules.append(rule)
        if len(rules) > MAX_RULES:
            return []
    return rules


def turned(rules: Iterable[Rule], angle: int) -> list[Rule]:
    """Return the lines in the coordinates of text of a direction, see `Letter`."""
    if angle == 0:
        return list(rules)
    if angle % 90:
        return []
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[angle]

    def turn(x: float, y: float) -> Point:
        return x * cos - y * sin, x * sin + y * cos

    return [_rule(turn(rule.x0, rule.y0), turn(rule.x1, rule.y1)) for rule in rules]


def _page_objects(page: Any) -> Iterator[Any]:
    return (pdfium.FPDFPage_GetObject(page.raw, n) for n in range(pdfium.FPDFPage_CountObjects(page.raw)))


def _form_objects(form: Any) -> Iterator[Any]:
    return (pdfium.FPDFFormObj_GetObject(form, n) for n in range(pdfium.FPDFFormObj_CountObjects(form)))


def _rules(objects: Iterable[Any], outer: Matrix, depth: int) -> Iterator[Rule]:
    for each in objects:
        kind = pdfium.FPDFPageObj_GetType(each)
        if kind == pdfium.FPDF_PAGEOBJ_PATH and _is_drawn(each):
            yield from _path_rules(each, _times(_matrix(each), outer))
        elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < MAX_DEPTH:
            yield from _rules(_form_objects(each), _times(_matrix(each), outer), depth + 1)


def _is_drawn(path: Any) -> bool:
    fill, stroke = c_int(), c_int()
    pdfium.FPDFPath_GetDrawMode(path, fill, stroke)
    return bool(fill.value or stroke.value)


def _path_rules(path: Any, matrix: Matrix) -> Iterator[Rule]:
    """Yield the straight level and upright parts of a path, and its thin rectangles as one line each."""
    count = pdfium.FPDFPath_CountSegments(path)
    if count > MAX_RULES:
        return
    corners: list[Point] = []
    for n in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(path, n)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            yield from _outline(corners)
            corners = []
        elif kind != pdfium.FPDF_SEGMENT_LINETO:
            return  # a curve: part of a drawing
        corners.append(_point(segment, matrix))
        if pdfium.FPDFPathSegment_GetClose(segment):
            corners.append(corners[0])
    yield from _outline(corners)


def _outline(corners: list[Point]) -> Iterator[Rule]:
    if len(corners) < 2:
        return
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    box = Rule(min(xs), min(ys), max(xs), max(ys))
    width, height = box.x1 - box.x0, box.y1 - box.y0
    if min(width, height) <= THIN_POINTS:
        if max(width, height) >= MIN_LENGTH:
            yield _centre(box)
        return
    for start, end in pairwise(corners):
        side = _rule(start, end)
        width, height = side.x1 - side.x0, side.y1 - side.y0
        if min(width, height) <= 1 and max(width, height) >= MIN_LENGTH:
            yield side


def _centre(box: Rule) -> Rule:
    if box.is_level:
        middle = (box.y0 + box.y1) / 2
        return Rule(box.x0, middle, box.x1, middle)
    middle = (box.x0 + box.x1) / 2
    return Rule(middle, box.y0, middle, box.y1)


def _rule(start: Point, end: Point) -> Rule:
    return Rule(min(start[0], end[0]), min(start[1], end[1]), max(start[0], end[0]), max(start[1], end[1]))


def _point(segment: Any, matrix: Matrix) -> Point:
    x, y = c_float(), c_float()
    pdfium.FPDFPathSegment_GetPoint(segment, x, y)
    a, b, c, d, e, f = matrix
    return a * x.value + c * y.value + e, -(b * x.value + d * y.value + f)


def _matrix(each: Any) -> Matrix:
    found = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(each, found)
    return found.a, found.b, found.c, found.d, found.e, found.f


def _times(inner: Matrix, outer: Matrix) -> Matrix:
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return (
        a * p + b * r,
        a * q + b * s,
        c * p + d * r,
        c * q + d * s,
        e * p + f * r + t,
        e * q + f * s + u,
    )
