"""Parts of office documents beside their text: diagrams, and what is embedded and not read."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename
from typing import Final

from docx.opc.part import Part as WordPart
from docx.opc.rel import _Relationship as WordRelation
from pptx.opc.package import Part as SlidePart
from pptx.opc.package import _Relationship as SlideRelation

from vital_shared.retrieval.ingest.packages import parse_xml

__all__ = ["diagram_texts", "unread_parts"]

_DRAWING: Final = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_DIAGRAM: Final = "/diagramData"
_UNREAD: Final = {
    "/chart": "chart",
    "/chartEx": "chart",
    "/package": "embedded file",
    "/oleObject": "embedded file",
    "/aFChunk": "inserted file",
}
"""Words for the targets of relations, by the ends of their types."""


def diagram_texts(part: WordPart | SlidePart) -> Iterator[str]:
    """Yield the words of each shape of the diagrams (SmartArt) in a part of a package."""
    for relation in _inner(part):
        if relation.reltype.endswith(_DIAGRAM):
            for paragraph in parse_xml(relation.target_part.blob).iter(f"{_DRAWING}p"):
                yield "".join(text.text or "" for text in paragraph.iter(f"{_DRAWING}t"))


def unread_parts(part: WordPart | SlidePart) -> list[str]:
    """Return a sentence for each part that was not read."""
    return [
        f"The {_UNREAD[kind]} {basename(str(relation.target_part.partname))} was not read."
        for relation in _inner(part)
        for kind in _UNREAD
        if relation.reltype.endswith(kind)
    ]


def _inner(part: WordPart | SlidePart) -> list[WordRelation | SlideRelation]:
    return [relation for relation in part.rels.values() if not relation.is_external]
