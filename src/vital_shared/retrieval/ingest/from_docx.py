"""Word: paragraphs, lists and tables, with the text of boxes, page margins, diagrams, notes and comments."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any, Final

from docx import Document
from docx.document import Document as WordDocument
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.contact_links import contact_of
from vital_shared.retrieval.ingest.office_parts import diagram_texts, unread_parts
from vital_shared.retrieval.ingest.packages import open_package, parse_xml
from vital_shared.retrieval.ingest.word_numbers import WordNumbers
from vital_shared.retrieval.ingest.word_table import word_table
from vital_shared.retrieval.ingest.word_text import FALLBACK, word_text

__all__ = ["parse_docx"]

_HEADING: Final = re.compile(r"heading (\d)", re.IGNORECASE)
_NOTES: Final = ("footnotes", "endnotes", "comments")
_PAGE_NUMBER: Final = re.compile(r"(?:\W|\d|\b(?:page|seite|of|von|p|s)\b)*", re.IGNORECASE)

TITLE_LEVEL: Final = 1
MAX_LEVEL: Final = 6


def parse_docx(data: bytes, *, uri: str) -> Parsed:
    """Read a Word document as it stands with all changes accepted.

    :raises IngestError: when it has a password or is damaged.
    """
    open_package(data, uri=uri).close()
    document = Document(BytesIO(data))
    names = {style.style_id: style.name or "" for style in document.styles}
    _hide_by_style(document)
    _write_contacts(document)
    notes = [*unread_parts(document.part)]
    if _clear_placeholders(document):
        notes.append("Fields that nobody has filled in were not read.")
    outline = Outline()
    for line in _around_pages(document):
        outline.add("paragraph", line)
    _add(document.element.body, names, outline, WordNumbers(document))
    for text in diagram_texts(document.part):
        outline.add("item", text)
    for part in document.part.package.iter_parts():
        if any(str(part.partname).endswith(f"/{kind}.xml") for kind in _NOTES):
            for note in parse_xml(part.blob):
                outline.add("paragraph", " ".join(word_text(p) for p in note.iter(qn("w:p"))))
    return outline.finish(title=document.core_properties.title or "", uri=uri, notes=notes)


def _hide_by_style(document: WordDocument) -> None:
    """Mark the words whose style hides them, as those that are hidden by themselves are marked."""
    vanish = f"{qn('w:rPr')}/{qn('w:vanish')}"
    hidden = {style.style_id for style in document.styles if style.element.find(vanish) is not None}
    for mark in document.element.body.iter(qn("w:rStyle"), qn("w:pStyle")) if hidden else ():
        if mark.get(qn("w:val")) not in hidden:
            continue
        properties = mark.getparent()
        runs = [properties.getparent()] if mark.tag == qn("w:rStyle") else properties.getparent()
        for run in runs:
            if run.tag == qn("w:r") and run.find(vanish) is None:
                run.get_or_add_rPr().append(OxmlElement("w:vanish"))


def _write_contacts(document: WordDocument) -> None:
    """Write the addresses of links that call or write to somebody behind their words."""
    relations = document.part.rels
    for link in document.element.body.iter(qn("w:hyperlink")):
        relation = relations.get(link.get(qn("r:id"), ""))
        shown = "".join(text.text or "" for text in link.iter(qn("w:t")))
        if relation is None or not relation.is_external:
            continue
        if contact := contact_of(relation.target_ref, shown):
            run, text = OxmlElement("w:r"), OxmlElement("w:t")
            text.text = f" ({contact})"
            run.append(text)
            link.append(run)


def _clear_placeholders(document: WordDocument) -> bool:
    """Empty the fields that show what is to be entered, and nothing that was; say whether there were any."""
    fields = [
        mark.getparent().getparent()
        for mark in document.element.body.iter(qn("w:showingPlcHdr"))
        if mark.get(qn("w:val"), "1") not in {"0", "false", "off"}
    ]
    for field in fields:
        for text in list(field.iter(qn("w:t"))):
            text.getparent().remove(text)
    return bool(fields)


def _around_pages(document: WordDocument) -> list[str]:
    """Return what stands above and below the pages, once, without the numbers of pages."""
    lines: dict[str, None] = {}
    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.endswith(("/header", "/footer")):
            for paragraph in parse_xml(relation.target_part.blob).iter(qn("w:p")):
                if not any(parent.tag == FALLBACK for parent in paragraph.iterancestors()):
                    lines.setdefault(" ".join(word_text(paragraph).split()))
    return [line for line in lines if line and not _PAGE_NUMBER.fullmatch(line)]


def _add(parent: Any, names: dict[str, str], outline: Outline, numbers: WordNumbers) -> None:
    for child in parent:
        if child.tag == qn("w:p"):
            _add_paragraph(child, names, outline, numbers)
        elif child.tag == qn("w:tbl"):
            for row in word_table(child):
                outline.add("row", row)
        elif child.tag in {qn("w:sdt"), qn("w:sdtContent"), qn("w:ins"), qn("w:customXml")}:
            _add(child, names, outline, numbers)


def _add_paragraph(paragraph: Any, names: dict[str, str], outline: Outline, numbers: WordNumbers) -> None:
    style = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
    name = names.get(style.get(qn("w:val")), "") if style is not None else ""
    text, label = word_text(paragraph), numbers.label(paragraph)
    if text.strip() and label:
        text = f"{label} {text}"
    if heading := _HEADING.match(name):
        outline.heading(min(int(heading[1]) + TITLE_LEVEL, MAX_LEVEL), text)
    elif name == "Title":
        outline.heading(TITLE_LEVEL, text)
    else:
        numbered = paragraph.find(f"{qn('w:pPr')}/{qn('w:numPr')}") is not None
        outline.add("item" if numbered or name.startswith("List") else "paragraph", text)
    for box in paragraph.iter(qn("w:txbxContent")):
        if not any(parent.tag == FALLBACK for parent in box.iterancestors()):
            _add(box, names, outline, numbers)
