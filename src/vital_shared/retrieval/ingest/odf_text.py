"""The text of an OpenDocument paragraph, in its forms, and what stands in it and is not a part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from lxml import etree

from vital_shared.retrieval.ingest.contact_links import contact_of
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
_PARENT: Final = odf_name("style", "parent-style-name")
_IS_HIDDEN: Final = odf_name("text", "is-hidden")
_HIDDEN_PARAGRAPH: Final = odf_name("text", "hidden-paragraph")
_HIDDEN_TEXT: Final = odf_name("text", "hidden-text")
_PLACEHOLDER: Final = odf_name("text", "placeholder")
MAX_PARENTS: Final = 20
"""Styles that a style may have above it."""

_DISPLAY: Final = odf_name("text", "display")
_LINE, _POSITION = (odf_name("style", name) for name in ("text-line-through-style", "text-position"))
_WEIGHT: Final = odf_name("xsl-fo-compatible", "font-weight")
_TARGET: Final = "{http://www.w3.org/1999/xlink}href"
_TABLE_HEADING: Final = "Table_20_Heading"


class LetterStyle(NamedTuple):
    """The meaning of a style for the words in it."""

    form: LetterForm | None = None
    """None: it says nothing of it."""
    bold: bool = False
    parent: str = ""


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
        self.has_hidden = False
        """Whether there was text that is not shown, or a field that nobody has filled in."""

    def of(self, paragraph: etree._Element) -> str:
        """Return the words of a paragraph; `asides` gets what stands in it beside them."""
        form = self._form(paragraph)
        if any(each.get(_IS_HIDDEN) == "true" for each in paragraph.iter(_HIDDEN_PARAGRAPH)):
            form = "hidden"
        return spelt_out(self._pieces(paragraph, form if form in ("hidden", "struck") else "plain"))

    def is_bold(self, paragraph: etree._Element) -> bool:
        """Return whether a paragraph is set apart by its style, as headings of tables are."""
        name = str(paragraph.get(_STYLE_NAME, ""))
        spans = [str(span.get(_STYLE_NAME, "")) for span in paragraph if span.tag == odf_name("text", "span")]
        names = [name, *(spans if len(spans) == 1 and not (paragraph.text or "").strip() else ())]
        return any(each == _TABLE_HEADING or self._styles.get(each, LetterStyle()).bold for each in names)

    def _form(self, element: etree._Element) -> LetterForm | None:
        """Return the form that an element's style gives its letters, by itself or by a style above it."""
        name = str(element.get(_STYLE_NAME, ""))
        for _ in range(MAX_PARENTS):
            style = self._styles.get(name, LetterStyle())
            if style.form is not None or not style.parent:
                return style.form
            name = style.parent
        return None

    def _pieces(self, element: etree._Element, form: LetterForm) -> Iterator[Written]:
        self.has_hidden = self.has_hidden or (form == "hidden" and bool("".join(element.itertext()).strip()))
        yield Written(element.text or "", form)
        for child in element:
            if child.tag in {_SPACES, _TAB}:
                yield Written(" ", form)
            elif child.tag == _BREAK:
                yield Written("\n", form)
            elif child.tag == _RUBY_TEXT:
                yield Written(f" ({child.text or ''}) ", form)
            elif child.tag in WORDS_FOR_PICTURES:
                yield Written(f" {child.text or ''} ", form)
            elif not self._set_aside(child) and isinstance(child.tag, str):
                own = self._form(child)
                yield from self._pieces(child, form if own in (None, "plain") else own)
                contact = contact_of(child.get(_TARGET, ""), "".join(child.itertext()))
                yield Written(f" ({contact})" if contact else "", form)
            yield Written(child.tail or "", form)

    def _set_aside(self, element: etree._Element) -> bool:
        """Note an element whose text is not a part of the paragraph; returns False for others."""
        if element.tag == _NOTE:
            self.asides += element.iter(_NOTE_BODY)
        elif element.tag in {_ANNOTATION, _TEXT_BOX}:
            self.asides.append(element)
        elif element.tag in _OBJECTS:
            self.has_objects = True
        elif element.tag == _PLACEHOLDER or (
            element.tag == _HIDDEN_TEXT and element.get(_IS_HIDDEN) == "true"
        ):
            self.has_hidden = True
        else:
            return False
        return True


def styles_of(*roots: etree._Element) -> dict[str, LetterStyle]:
    """Return the styles of letters in parts of a document, by their names."""
    styles: dict[str, LetterStyle] = {}
    for root in roots:
        for style in root.iter(odf_name("style", "style")):
            properties = style.find(odf_name("style", "text-properties"))
            parent = str(style.get(_PARENT, ""))
            if properties is not None or parent:
                bold = properties is not None and properties.get(_WEIGHT) == "bold"
                form = _form(properties) if properties is not None else None
                styles[str(style.get(odf_name("style", "name")))] = LetterStyle(form, bold, parent)
    return styles


def _form(properties: etree._Element) -> LetterForm | None:
    """Return the form that a style gives letters; None: it says nothing of it."""
    if properties.get(_DISPLAY) == "none":
        return "hidden"
    if properties.get(_LINE, "none") != "none":
        return "struck"
    if not any(properties.get(name) for name in (_DISPLAY, _LINE, _POSITION)):
        return None
    place = str(properties.get(_POSITION, "")).split(" ")[0]
    if place == "super" or (place.endswith("%") and place[0] not in "-0"):
        return "raised"
    return "lowered" if place.startswith(("sub", "-")) else "plain"
