"""EPUB: the chapters of a book in their order."""

from __future__ import annotations

from posixpath import dirname, join, normpath
from typing import Final
from urllib.parse import unquote
from zipfile import ZipFile

from lxml import etree

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.decode import decode
from vital_shared.retrieval.ingest.from_html import add_html
from vital_shared.retrieval.ingest.packages import open_package, parse_xml

__all__ = ["parse_epub"]

CONTAINER: Final = "META-INF/container.xml"
ENCRYPTION: Final = "META-INF/encryption.xml"
PAGES: Final = {"application/xhtml+xml", "text/html"}


def parse_epub(data: bytes, *, uri: str) -> Parsed:
    """Read a book as EPUB 2 and 3 lay it out (Open Container Format; package document).

    :raises IngestError: when it is damaged, or copy protection keeps it closed.
    """
    with open_package(data, uri=uri) as book:
        if ENCRYPTION in book.namelist() and b"xmlenc#aes" in book.read(ENCRYPTION).lower():
            raise IngestError(f"{uri} is copy-protected: its text cannot be read.", path=uri)
        root = parse_xml(book.read(CONTAINER)).find(".//{*}rootfile")
        if root is None:
            raise IngestError(f"{uri} names no contents, it may be damaged.", path=uri)
        path = str(root.get("full-path"))
        package = parse_xml(book.read(path))
        outline = Outline()
        missing = [name for name in _chapters(package, dirname(path)) if not _add(book, name, outline, uri)]
    title = package.findtext(".//{http://purl.org/dc/elements/1.1/}title") or ""
    notes = [f"Its chapter {name} is missing." for name in missing]
    return outline.finish(title=title, uri=uri, notes=notes)


def _chapters(package: etree._Element, folder: str) -> list[str]:
    items = {item.get("id"): item for item in package.iterfind(".//{*}manifest/{*}item")}
    order = [items.get(each.get("idref")) for each in package.iterfind(".//{*}spine/{*}itemref")]
    pages = [item for item in order if item is not None and item.get("media-type") in PAGES]
    return [normpath(join(folder, unquote(str(item.get("href"))))) for item in pages]


def _add(book: ZipFile, name: str, outline: Outline, uri: str) -> bool:
    try:
        data = book.read(name)
    except KeyError:
        return False
    add_html(outline, decode(data, uri=uri, declared="utf-8"))
    return True
