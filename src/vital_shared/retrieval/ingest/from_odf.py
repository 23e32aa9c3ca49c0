"""OpenDocument: the text of odt and the slides of odp."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from lxml import etree

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.blocks import Outline, Parsed, title_from
from vital_shared.retrieval.ingest.odf_list_numbers import HEADING, ITEM, LIST, OdfListNumbers
from vital_shared.retrieval.ingest.odf_table import TABLE, odf_table
from vital_shared.retrieval.ingest.odf_text import PARAGRAPH, WORDS_FOR_PICTURES, OdfText, odf_name, styles_of
from vital_shared.retrieval.ingest.packages import open_package, parse_xml

__all__ = ["parse_odf"]

PAGE: Final = odf_name("drawing", "page")
FRAME: Final = odf_name("drawing", "frame")
NOTES: Final = odf_name("presentation", "notes")
KIND: Final = odf_name("presentation", "class")
DELETED: Final = odf_name("text", "tracked-changes")
LEVEL: Final = odf_name("text", "outline-level")
UNNUMBERED: Final = odf_name("text", "is-list-header")
SECTION: Final = odf_name("text", "section")
SHOWN: Final = odf_name("text", "display")
IS_HIDDEN: Final = odf_name("text", "is-hidden")
PAGE_STYLE: Final = odf_name("drawing", "style-name")
OBJECTS: Final = frozenset({odf_name("drawing", "object"), odf_name("drawing", "object-ole")})
MANIFEST: Final = "META-INF/manifest.xml"
MAX_LEVEL: Final = 6


def parse_odf(data: bytes, *, uri: str) -> Parsed:
    """Read a text document or a presentation (ISO/IEC 26300).

    :raises IngestError: when it has a password or is damaged.
    """
    with open_package(data, uri=uri) as package:
        names = set(package.namelist())
        if MANIFEST in names and b":encryption-data" in package.read(MANIFEST):
            raise IngestError(f"{uri} is encrypted: save a copy without a password.", path=uri)
        content = parse_xml(package.read("content.xml"))
        styles = [parse_xml(package.read("styles.xml"))] if "styles.xml" in names else []
        meta = parse_xml(package.read("meta.xml")) if "meta.xml" in names else None
    numbers = OdfListNumbers(*styles, content)
    reader = _OdfReader(OdfText(styles_of(*styles, content)), numbers, _hidden_pages(content))
    reader.read(content)
    title = meta.findtext(".//{http://purl.org/dc/elements/1.1/}title") if meta is not None else ""
    return reader.outline.finish(
        title=title or (title_from(uri) if reader.slides else ""), uri=uri, notes=tuple(reader.notes())
    )


def _hidden_pages(content: etree._Element) -> frozenset[str]:
    """Return the names of the styles that hide slides."""
    shown = odf_name("presentation", "visibility")
    pages = content.iter(odf_name("style", "drawing-page-properties"))
    hidden = (page.getparent() for page in pages if page.get(shown) == "hidden")
    return frozenset(str(style.get(odf_name("style", "name"))) for style in hidden)


class _OdfReader:
    """A walk through a document."""

    def __init__(self, text: OdfText, numbers: OdfListNumbers, hidden_pages: frozenset[str]) -> None:
        self.outline = Outline()
        self.slides = 0
        self._text = text
        self._numbers = numbers
        self._number = ""
        """The number of the item whose first paragraph comes next."""
        self._hidden_pages = hidden_pages
        self._hidden_slides: list[int] = []
        self._has_objects = self._has_hidden = False

    def notes(self) -> Iterator[str]:
        """Yield sentences about what was not read."""
        if self._has_objects or self._text.has_objects:
            yield "A chart or another embedded object was not read."
        if self._has_hidden or self._text.has_hidden:
            yield "Hidden text, or fields that nobody has filled in, were not read."
        yield from (f"The hidden slide {number} was not read." for number in self._hidden_slides)

    def read(self, parent: Iterable[etree._Element], *, in_list: bool = False) -> None:
        for child in parent:
            if child.tag == HEADING:
                level = str(child.get(LEVEL, "1"))
                number = int(level) if re.fullmatch(r"[1-9][0-9]?", level) else 1
                if not in_list and child.get(UNNUMBERED) != "true":
                    self._number = self._numbers.heading(number)
                self.outline.heading(min(number, MAX_LEVEL), self._numbered(child))
            elif child.tag == PARAGRAPH:
                self.outline.add("item" if in_list else "paragraph", self._numbered(child))
            elif child.tag == PAGE:
                self._read_slide(child)
            elif child.tag == LIST:
                self._numbers.open(child)
                self.read(child, in_list=in_list)
                self._numbers.close()
            elif child.tag == ITEM:
                self._number = self._numbers.item(child)
                self.read(child, in_list=True)
            elif not self._read_part(child) and isinstance(child.tag, str):
                self.read(child, in_list=in_list)
            self._read_asides()

    def _numbered(self, paragraph: etree._Element) -> str:
        """Return the text of a paragraph, behind the number of the item that begins with it."""
        text, number = self._text.of(paragraph), self._number
        self._number = ""
        return f"{number} {text}" if number and text.strip() else text

    def _read_part(self, element: etree._Element) -> bool:
        """Read an element that is no text but has some, or is left out; returns False for others."""
        if element.tag == TABLE:
            for line in odf_table(element, self._text):
                self.outline.add("row", line)
        elif element.tag == NOTES:
            spoken = " ".join(" ".join(self._text.of(each).split()) for each in element.iter(PARAGRAPH))
            self.outline.add("paragraph", f"Notes: {spoken}" if spoken.strip() else "")
        elif element.tag in WORDS_FOR_PICTURES:
            self.outline.add("paragraph", element.text or "")
        elif element.tag in OBJECTS:
            self._has_objects = True
        elif element.tag == SECTION and (element.get(SHOWN) == "none" or element.get(IS_HIDDEN) == "true"):
            self._has_hidden = True
        else:
            return bool(element.tag == DELETED)
        return True

    def _read_asides(self) -> None:
        """Read what stood within a paragraph after it."""
        while self._text.asides:
            self.read(self._text.asides.pop(0))

    def _read_slide(self, page: etree._Element) -> None:
        self.slides += 1
        if page.get(PAGE_STYLE) in self._hidden_pages:
            self._hidden_slides.append(self.slides)
            return
        titles = [frame for frame in page.iter(FRAME) if frame.get(KIND) == "title"]
        name = " ".join(" ".join(map(self._text.of, frame.iter(PARAGRAPH))) for frame in titles)
        self.outline.heading(2, f"Slide {self.slides}: {name}" if name.strip() else f"Slide {self.slides}")
        for child in page:
            if child not in titles:
                self.read([child] if child.tag in {NOTES, TABLE} else child)
