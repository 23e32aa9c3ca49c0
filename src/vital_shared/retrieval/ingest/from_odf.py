"""OpenDocument: the text of odt and the slides of odp."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree  # type: ignore[import-untyped]

from vital_shared.retrieval.ingest.blocks import Outline, Parsed, title_from
from vital_shared.retrieval.ingest.packages import open_package, parse_xml
from vital_shared.retrieval.ingest.tables import table_rows

__all__ = ["parse_odf"]

_NAMES: Final = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}%s"
HEADING, PARAGRAPH, ITEM = (_NAMES % ("text", name) for name in ("h", "p", "list-item"))
TABLE, ROW, CELL = (_NAMES % ("table", name) for name in ("table", "table-row", "table-cell"))
COVERED: Final = _NAMES % ("table", "covered-table-cell")
PAGE: Final = _NAMES % ("drawing", "page")
SPACES, TAB, BREAK = (_NAMES % ("text", name) for name in ("s", "tab", "line-break"))
DELETED: Final = _NAMES % ("text", "tracked-changes")
LEVEL: Final = _NAMES % ("text", "outline-level")
REPEATED: Final = _NAMES % ("table", "number-columns-repeated")
DRAWING_NAME: Final = _NAMES % ("drawing", "name")
MAX_REPEATED: Final = 100
MAX_LEVEL: Final = 6


def parse_odf(data: bytes, *, uri: str) -> Parsed:
    """Read a text document or a presentation (ISO/IEC 26300).

    :raises IngestError: when it has a password or is damaged.
    """
    with open_package(data, uri=uri) as package:
        content = parse_xml(package.read("content.xml"))
        meta = parse_xml(package.read("meta.xml")) if "meta.xml" in package.namelist() else None
    outline = Outline()
    slides = [0]
    _add(content, outline, slides, in_list=False)
    title = meta.findtext(".//{http://purl.org/dc/elements/1.1/}title") if meta is not None else ""
    return outline.finish(title=title or (title_from(uri) if slides[0] else ""), uri=uri)


def _add(parent: etree._Element, outline: Outline, slides: list[int], *, in_list: bool) -> None:
    for child in parent:
        if child.tag == HEADING:
            outline.heading(min(int(child.get(LEVEL, "1")), MAX_LEVEL), _text(child))
        elif child.tag == PARAGRAPH:
            outline.add("item" if in_list else "paragraph", _text(child))
        elif child.tag == TABLE:
            rows = [_cells(row) for row in child.iter(ROW)]
            for line in table_rows(rows[0], rows[1:]) if rows else ():
                outline.add("row", line)
        elif child.tag == PAGE:
            slides[0] += 1
            outline.heading(2, f"Slide {slides[0]}")
            _add(child, outline, slides, in_list=False)
        elif isinstance(child.tag, str) and child.tag != DELETED:
            _add(child, outline, slides, in_list=in_list or child.tag == ITEM)


def _cells(row: etree._Element) -> list[str]:
    cells: list[str] = []
    for cell in row:
        if cell.tag in {CELL, COVERED}:
            text = " ".join(_text(paragraph) for paragraph in cell.iter(PARAGRAPH))
            times = str(cell.get(REPEATED, "1"))
            cells += [text] * min(int(times) if times.isdigit() else 1, MAX_REPEATED)
    return cells


def _text(element: etree._Element) -> str:
    return "".join(_pieces(element))


def _pieces(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag in {SPACES, TAB}:
            yield " "
        elif child.tag == BREAK:
            yield "\n"
        elif isinstance(child.tag, str):
            yield from _pieces(child)
        yield child.tail or ""
