"""The entries of a form, and notes that were put on a page, as words where they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ctypes import c_ushort
from functools import partial
from typing import Any, Final, NamedTuple

import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

from vital_shared.retrieval.ingest.pdf.rules import Rule, turned
from vital_shared.retrieval.ingest.pdf.words import Word, joined

__all__ = ["Field", "page_fields", "page_notes", "turned_fields", "with_fields"]

LABEL_REACH: Final = 200.0
"""Points that a label may be left of its field."""

BOX_REACH: Final = 25.0
"""Points between a box and its label, on either side."""

ABOVE_REACH: Final = 16.0
MAX_SIZE: Final = 12.0

CHECKED: Final = "[x]"
UNCHECKED: Final = "[ ]"

_TEXT_KINDS: Final = {
    pdfium.FPDF_FORMFIELD_TEXTFIELD,
    pdfium.FPDF_FORMFIELD_COMBOBOX,
    pdfium.FPDF_FORMFIELD_LISTBOX,
}
_BOX_KINDS: Final = {pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON}
_SILENT: Final = {pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP, pdfium.FPDF_ANNOT_WIDGET}
_HIDDEN: Final = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW


class Field(NamedTuple):
    """A field of a form, with what is entered; in points, y growing downwards."""

    name: str
    """The field's label for readers, or else its name for programs."""

    lines: tuple[str, ...]
    is_box: bool
    x0: float
    x1: float
    y0: float
    y1: float


def page_fields(page: Any, form: Any) -> list[Field]:
    """Return the fields of a page that are filled in, and all its boxes.

    :param form: the `pypdfium2.PdfFormEnv` of the document.
    """
    fields = (_field(annotation, form) for annotation in _annotations(page))
    return [field for field in fields if field is not None]


def page_notes(page: Any) -> list[str]:
    """Return what people wrote on a page as notes."""
    texts = [
        _text(partial(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents"))
        for annotation in _annotations(page)
        if pdfium.FPDFAnnot_GetSubtype(annotation) not in _SILENT
    ]
    return list(dict.fromkeys(text for text in texts if text.strip()))


def with_fields(words: Sequence[Word], fields: Sequence[Field]) -> list[Word]:
    """Return the words of a page with those of its fields, beside their labels."""
    return [*words, *(word for field in fields for word in _words(field, words))]


def turned_fields(fields: Sequence[Field], angle: int) -> list[Field]:
    """Return fields in the coordinates of text of a direction, see `Letter`."""
    boxes = turned([Rule(field.x0, field.y0, field.x1, field.y1) for field in fields], angle - angle % 90)
    return [
        field._replace(x0=box.x0, x1=box.x1, y0=box.y0, y1=box.y1)
        for field, box in zip(fields, boxes, strict=True)
    ]


def _annotations(page: Any) -> Iterator[Any]:
    for number in range(pdfium.FPDFPage_GetAnnotCount(page.raw)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, number)
        if not annotation:
            continue
        try:
            if not pdfium.FPDFAnnot_GetFlags(annotation) & _HIDDEN:
                yield annotation
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _field(annotation: Any, form: Any) -> Field | None:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form.raw, annotation)
    lines: tuple[str, ...]
    if kind in _BOX_KINDS:
        lines = (CHECKED if pdfium.FPDFAnnot_IsChecked(form.raw, annotation) else UNCHECKED,)
    elif kind in _TEXT_KINDS:
        lines = _chosen(annotation, form) or tuple(
            line
            for line in _value(annotation, form, pdfium.FPDFAnnot_GetFormFieldValue).splitlines()
            if line.strip()
        )
    else:
        return None
    box = pdfium.FS_RECTF()
    if not lines or not pdfium.FPDFAnnot_GetRect(annotation, box):
        return None
    name = _value(annotation, form, pdfium.FPDFAnnot_GetFormFieldAlternateName) or _value(
        annotation, form, pdfium.FPDFAnnot_GetFormFieldName
    )
    return Field(name.strip(), lines, kind in _BOX_KINDS, box.left, box.right, -box.top, -box.bottom)


def _chosen(annotation: Any, form: Any) -> tuple[str, ...]:
    """Return the options of a list that are chosen, as readers see them."""
    labels = (
        _text(partial(pdfium.FPDFAnnot_GetOptionLabel, form.raw, annotation, number))
        for number in range(pdfium.FPDFAnnot_GetOptionCount(form.raw, annotation))
        if pdfium.FPDFAnnot_IsOptionSelected(form.raw, annotation, number)
    )
    chosen = "; ".join(label for label in labels if label)
    return (chosen,) if chosen else ()


def _value(annotation: Any, form: Any, read: Callable[..., int]) -> str:
    return _text(partial(read, form.raw, annotation))


def _text(read: Callable[[Any, int], int]) -> str:
    """Call one of PDFium's functions that fill a buffer with UTF-16."""
    size = read(None, 0)
    if size <= 2:
        return ""
    buffer = (c_ushort * (size // 2))()
    read(buffer, size)
    return bytes(buffer).decode("utf-16-le", "replace").rstrip("\0").replace("\r\n", "\n").replace("\r", "\n")


def _words(field: Field, printed: Sequence[Word]) -> Iterator[Word]:
    beside = [word for word in printed if field.y0 - 2 <= word.y - word.size / 3 <= field.y1 + 2]
    if field.is_box:
        yield _box(field, beside)
        return
    left = [word for word in beside if -2 <= field.x0 - word.x1 <= LABEL_REACH]
    label = max(left, key=lambda word: word.x1, default=None)
    size = label.size if label else min(MAX_SIZE, max(field.y1 - field.y0, 4) * 0.7)
    y = label.y if label else (field.y0 + field.y1) / 2 + size / 3
    lines = list(field.lines)
    if label is None:
        lines[0] = f"{_label_above(field, printed) or field.name}: {lines[0]}"
    elif not label.text.endswith((":", "?")):
        yield Word(":", label.x1, label.x1 + 1, label.y, label.size, label.bold, spaced=False, filled_in=True)
    for number, line in enumerate(lines):
        yield from _placed(line, field, y + number * size * 1.1, size)


def _box(field: Field, beside: Sequence[Word]) -> Word:
    """Return a box as a word next to its label: the one to its right, else to its left, else its name."""
    right = [word for word in beside if -2 <= word.x0 - field.x1 <= BOX_REACH]
    left = [word for word in beside if -2 <= field.x0 - word.x1 <= BOX_REACH]
    mark = field.lines[0]
    if label := min(right, key=lambda word: word.x0, default=None):
        return Word(mark, label.x0 - label.size, label.x0 - label.size / 2, label.y, label.size, bold=False)
    if label := max(left, key=lambda word: word.x1, default=None):
        x1 = label.x1 + label.size
        return Word(mark, label.x1 + label.size / 2, x1, label.y, label.size, bold=False, filled_in=True)
    size = min(MAX_SIZE, max(field.y1 - field.y0, 4))
    return Word(f"{field.name}: {mark}", field.x0, field.x1, field.y1 - size / 5, size, bold=False)


def _placed(text: str, field: Field, y: float, size: float) -> Iterator[Word]:
    parts = text.split()
    width = max(field.x1 - field.x0, 1) / max(sum(len(part) + 1 for part in parts), 1)
    x = field.x0
    for part in parts:
        end = x + len(part) * min(width, size / 2)
        yield Word(part, x, end, y, size, bold=False, filled_in=True)
        x = end + min(width, size / 2)


def _label_above(field: Field, printed: Sequence[Word]) -> str:
    above = [
        word
        for word in printed
        if 0 <= field.y0 - word.y <= ABOVE_REACH and word.x1 > field.x0 - 4 and word.x0 < field.x1
    ]
    lowest = max((word.y for word in above), default=0.0)
    line = sorted((word for word in above if lowest - word.y < 2), key=lambda word: word.x0)
    return joined(line).rstrip(": ")
