"""Word: paragraphs, lists and tables, with what is in text boxes, footnotes and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from docx import Document
from docx.oxml.ns import qn

from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.packages import open_package, parse_xml
from vital_shared.retrieval.ingest.tables import table_rows

__all__ = ["parse_docx"]

_HEADING: Final = re.compile(r"heading (\d)", re.IGNORECASE)
_SKIPPED: Final = {qn("w:del"), qn("w:moveFrom"), qn("w:instrText"), "{*}Fallback"}
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_NOTES: Final = ("footnotes", "endnotes", "comments")
TITLE_LEVEL: Final = 1
MAX_LEVEL: Final = 6


def parse_docx(data: bytes, *, uri: str) -> Parsed:
    """Read a Word document as it stands with all changes accepted.

    :raises IngestError: when it has a password or is damaged.
    """
    open_package(data, uri=uri).close()
    document = Document(BytesIO(data))
    names = {style.style_id: style.name or "" for style in document.styles}
    outline = Outline()
    _add(document.element.body, names, outline)
    for part in document.part.package.iter_parts():
        if any(str(part.partname).endswith(f"/{kind}.xml") for kind in _NOTES):
            for note in parse_xml(part.blob):
                outline.add("paragraph", " ".join(_text(p) for p in note.iter(qn("w:p"))))
    return outline.finish(title=document.core_properties.title or "", uri=uri)


def _add(parent: Any, names: dict[str, str], outline: Outline) -> None:
    for child in parent:
        if child.tag == qn("w:p"):
            _add_paragraph(child, names, outline)
        elif child.tag == qn("w:tbl"):
            rows = _rows(child)
            for row in table_rows(rows[0], rows[1:]) if rows else ():
                outline.add("row", row)
        elif child.tag in {qn("w:sdt"), qn("w:sdtContent"), qn("w:ins"), qn("w:customXml")}:
            _add(child, names, outline)


def _add_paragraph(paragraph: Any, names: dict[str, str], outline: Outline) -> None:
    style = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
    name = names.get(style.get(qn("w:val")), "") if style is not None else ""
    text = _text(paragraph)
    if heading := _HEADING.match(name):
        outline.heading(min(int(heading[1]) + TITLE_LEVEL, MAX_LEVEL), text)
    elif name == "Title":
        outline.heading(TITLE_LEVEL, text)
    else:
        numbered = paragraph.find(f"{qn('w:pPr')}/{qn('w:numPr')}") is not None
        outline.add("item" if numbered or name.startswith("List") else "paragraph", text)
    for box in paragraph.iter(qn("w:txbxContent")):
        if not any(parent.tag == _FALLBACK for parent in box.iterancestors()):
            _add(box, names, outline)


def _text(paragraph: Any) -> str:
    return "".join(_pieces(paragraph))


def _pieces(element: Any) -> Iterator[str]:
    for child in element:
        if child.tag == qn("w:t"):
            yield child.text or ""
        elif child.tag in {qn("w:tab"), qn("w:ptab")}:
            yield " "
        elif child.tag in {qn("w:br"), qn("w:cr")}:
            yield "\n"
        elif child.tag == qn("w:noBreakHyphen"):
            yield "-"
        elif child.tag not in {*_SKIPPED, _FALLBACK, qn("w:txbxContent")} and isinstance(child.tag, str):
            yield from _pieces(child)


def _rows(table: Any) -> list[list[str]]:
    """Return the cells by row and column; one over several columns or rows stands in each of them."""
    rows: list[list[str]] = []
    for row in table.iter(qn("w:tr")):
        if next(row.iterancestors(qn("w:tbl")), None) is not table:
            continue
        cells: list[str] = [""] * _number(row.find(f"{qn('w:trPr')}/{qn('w:gridBefore')}"), 0)
        for cell in row.iter(qn("w:tc")):
            if next(cell.iterancestors(qn("w:tr")), None) is not row:
                continue
            properties = cell.find(qn("w:tcPr"))
            merged = properties.find(qn("w:vMerge")) if properties is not None else None
            width = properties.find(qn("w:gridSpan")) if properties is not None else None
            text = " ".join(" ".join(_text(p).split()) for p in cell.iter(qn("w:p"))).strip()
            if merged is not None and merged.get(qn("w:val")) != "restart" and rows:
                text = rows[-1][len(cells)] if len(cells) < len(rows[-1]) else ""
            cells += [text, *[text if not rows else ""] * (_number(width, 1) - 1)]
        rows.append(cells)
    return rows


def _number(element: Any, default: int) -> int:
    value = element.get(qn("w:val")) if element is not None else None
    return min(int(value), 100) if value and value.isdigit() else default
