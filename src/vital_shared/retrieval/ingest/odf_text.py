"""The text of an OpenDocument paragraph, in its forms, and what stands in it and is not a part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from lxml import etree  # type: ignore[import-untyped]

from vital_shared.retrieval.ingest.letter_forms import LetterForm, Written, spelt_out

__all__ = ["PARAGRAPH", "WORDS_FOR_PICTURES", "LetterStyle", "OdfText", "odf_name", "styles_of"]

_NAMES: Final = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}%s"


def odf_name(space: str, name: str) -> str:
    """Return the name of an element or attribute with its namespace."""
    return _NAMES % (space, name)


PARAGRAPH: Final = odf_name("text", "p")
_HEADING: Final = odf_name("text", "h")
_SPACES, _TAB, _BREAK = (odf_name("text", name) for name in ("s", "tab", "line-break"))
_NOTE, _NOTE_BODY = odf_name("text", "note"), odf_name("text", "note-body")
_ANNOTATION: Final = odf_name("office", "annotation")
_TEXT_BOX: Final = odf_name("drawing", "text-box")
_RUBY_TEXT: Final = odf_name("text", "ruby-text")
_OBJECTS: Final = frozenset({odf_name("drawing", "object"), odf_name("drawing", "object-ole")})
WORDS_FOR_PICTURES: Final = frozenset(
    {odf_name("svg-compatible", "title"), odf_name("svg-compatible", "desc")}
)
_STYLE_NAME: Final = odf_name("text", "style-name")
_TABLE_HEADING: Final = "Table_20_Heading"


class LetterStyle(NamedTuple):
    """The meaning of a style for the words in it."""

    form: LetterForm = "plain"
    bold: bool = False


class OdfText:
    """A reader of paragraphs.

    :param styles: by their names; see `styles_of`.
    """

    def __init__(self, styles: Mapping[str, LetterStyle]) -> None:
        self._styles = styles
        self.asides: list[etree._Element] = []
        """Notes and text boxes that the paragraphs had, whose text is not a part of them."""

        self.has_objects = False
        """Whether there was a chart or another embedded object."""

    def of(self, paragraph: etree._Element) -> str:
        """Return the words of a paragraph; `asides` gets what stands in it beside them."""
        return spelt_out(self._pieces(paragraph, "plain"))

    def is_bold(self, paragraph: etree._Element) -> bool:
        """Return whether a paragraph is set apart by its style, as headings of tables are."""
        name = str(paragraph.get(_STYLE_NAME, ""))
        spans = [str(span.get(_STYLE_NAME, "")) for span in paragraph if span.tag == odf_name("text", "span")]
        names = [name, *(spans if len(spans) == 1 and not (paragraph.text or "").strip() else ())]
        return any(each == _TABLE_HEADING or self._styles.get(each, LetterStyle()).bold for each in names)

    def _pieces(self, element: etree._Element, form: LetterForm) -> Iterator[Written]:
        yield Written(element.text or "", form)
        for child in element:
            if child.tag in {_SPACES, _TAB}:
                yield Written(" ", form)
            elif child.tag == _BREAK:
                yield Written("\n", form)
            elif child.tag == _NOTE:
                self.asides += child.iter(_NOTE_BODY)
            elif child.tag in {_ANNOTATION, _TEXT_BOX}:
                self.asides.append(child)
            elif child.tag in _OBJECTS:
                self.has_objects = True
            elif child.tag == _RUBY_TEXT:
                yield Written(f" ({child.text or ''}) ", form)
            elif child.tag in WORDS_FOR_PICTURES:
                yield Written(f" {child.text or ''} ", form)
            elif isinstance(child.tag, str):
                style = self._styles.get(str(child.get(_STYLE_NAME, "")), LetterStyle())
                yield from self._pieces(child, form if style.form == "plain" else style.form)
            yield Written(child.tail or "", form)


def styles_of(*roots: etree._Element) -> dict[str, LetterStyle]:
    """Return the styles of letters in parts of a document, by their names."""
    styles: dict[str, LetterStyle] = {}
    for root in roots:
        for style in root.iter(odf_name("style", "style")):
            properties = style.find(odf_name("style", "text-properties"))
            if properties is not None:
                bold = properties.get(odf_name("xsl-fo-compatible", "font-weight")) == "bold"
                styles[str(style.get(odf_name("style", "name")))] = LetterStyle(_form(properties), bold)
    return styles


def _form(properties: etree._Element) -> LetterForm:
    if properties.get(odf_name("text", "display")) == "none":
        return "hidden"
    if properties.get(odf_name("style", "text-line-through-style"), "none") != "none":
        return "struck"
    place = str(properties.get(odf_name("style", "text-position"), "")).split(" ")[0]
    if place == "super" or (place.endswith("%") and place[0] not in "-0"):
        return "raised"
    return "lowered" if place.startswith(("sub", "-")) else "plain"
