"""The choice of the reader for a file."""

from __future__ import annotations

from importlib import import_module
from pathlib import PurePosixPath
from typing import Final

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.blocks import Parsed
from vital_shared.retrieval.ingest.signatures import kind_of

__all__ = ["SUFFIXES", "media_type_of", "parse"]

_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."

SUFFIXES = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".pdf": "application/pdf",
    ".docx": _OFFICE + "wordprocessingml.document",
    ".docm": "application/vnd.ms-word.document.macroenabled.12",
    ".pptx": _OFFICE + "presentationml.presentation",
    ".xlsx": _OFFICE + "spreadsheetml.sheet",
    ".xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
    ".xls": "application/vnd.ms-excel",
    ".odt": _OPEN + "text",
    ".odp": _OPEN + "presentation",
    ".ods": _OPEN + "spreadsheet",
    ".epub": "application/epub+zip",
    ".rtf": "application/rtf",
    ".eml": "message/rfc822",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
}
"""The files that can be read, and their media types."""

_READERS = {
    "application/pdf": "pdf",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/plain": "text",
    "text/html": "html",
    "application/xhtml+xml": "html",
    SUFFIXES[".docx"]: "docx",
    SUFFIXES[".docm"]: "docx",
    SUFFIXES[".pptx"]: "pptx",
    SUFFIXES[".xlsx"]: "sheets",
    SUFFIXES[".xlsm"]: "sheets",
    SUFFIXES[".xls"]: "sheets",
    SUFFIXES[".ods"]: "sheets",
    SUFFIXES[".odt"]: "odf",
    SUFFIXES[".odp"]: "odf",
    "application/epub+zip": "epub",
    "application/rtf": "rtf",
    "text/rtf": "rtf",
    "message/rfc822": "mail",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/json": "json",
    "application/jsonl": "json",
    "application/x-ndjson": "json",
}
_OTHERS: Final = {
    "docx": ("from_docx", "parse_docx", False),
    "pptx": ("from_pptx", "parse_pptx", False),
    "sheets": ("from_sheets", "parse_sheets", False),
    "odf": ("from_odf", "parse_odf", False),
    "epub": ("from_epub", "parse_epub", False),
    "rtf": ("from_rtf", "parse_rtf", False),
    "mail": ("from_mail", "parse_mail", False),
    "csv": ("from_csv", "parse_csv", True),
    "json": ("from_json", "parse_json", True),
}
"""Readers by their module, their function, and whether a charset from outside counts."""

_UNTOLD = {"", "application/octet-stream"}


def media_type_of(uri: str, declared: str | None) -> str:
    """Return what is declared, without parameters, or what the suffix of `uri` says.

    :raises IngestError: when nothing here reads such files.
    """
    media_type = (declared or "").partition(";")[0].strip().lower()
    if media_type in _UNTOLD:
        media_type = SUFFIXES.get(PurePosixPath(uri).suffix.lower(), "")
    if media_type not in _READERS:
        kind = f"of the type {media_type}" if media_type else "of an unknown type"
        raise IngestError(f"{uri} is {kind}: give a file that is one of {', '.join(SUFFIXES)}.", path=uri)
    return media_type


def parse(
    data: bytes,
    *,
    uri: str,
    media_type: str,
    charset: str | None = None,
    max_pages: int,
    seconds: float = 60.0,
) -> Parsed:
    """Read a file.

    :param media_type: see `media_type_of`.
    :param seconds: time that it may take altogether.
    :raises IngestError: when it cannot be read.
    """
    if kind := kind_of(data, _READERS[media_type]):
        raise IngestError(f"{uri} is {kind.words}: {kind.advice}.", path=uri)
    try:
        return _read(data, _READERS[media_type], uri, charset, max_pages, seconds)
    except (IngestError, MemoryError):
        raise
    except ModuleNotFoundError as error:
        raise IngestError(
            f"{uri} needs another package: run `pip install 'vital-engine[documents]'`.", path=uri
        ) from error
    except Exception as error:  # on broken files the libraries raise nearly anything
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise IngestError(
            f"{uri} cannot be read as {media_type}, it may be damaged: {reason}.", path=uri
        ) from error


# The libraries that read files are loaded with the first file: a service that ingests none needs none.
# ruff: noqa: PLC0415


def _read(data: bytes, reader: str, uri: str, charset: str | None, max_pages: int, seconds: float) -> Parsed:
    if reader == "pdf":
        from vital_shared.retrieval.ingest.from_pdf import parse_pdf

        return parse_pdf(data, uri=uri, max_pages=max_pages, seconds=seconds)
    if reader in _OTHERS:
        module, function, takes_charset = _OTHERS[reader]
        read = getattr(import_module(f"vital_shared.retrieval.ingest.{module}"), function)
        parsed: Parsed = read(data, uri=uri, charset=charset) if takes_charset else read(data, uri=uri)
        return parsed
    if reader == "html":
        from vital_shared.retrieval.ingest.from_html import parse_html

        return parse_html(data, uri=uri, charset=charset)
    if reader == "markdown":
        from vital_shared.retrieval.ingest.from_markdown import parse_markdown

        return parse_markdown(data, uri=uri, charset=charset)
    from vital_shared.retrieval.ingest.from_text import parse_text

    return parse_text(data, uri=uri, charset=charset)
