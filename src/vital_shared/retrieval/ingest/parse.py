"""Which reader reads which file."""

from __future__ import annotations

from pathlib import PurePosixPath

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.blocks import Parsed

__all__ = ["SUFFIXES", "media_type_of", "parse"]

SUFFIXES = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".pdf": "application/pdf",
}
"""The files that can be read, and their media types."""

_READERS = {
    "application/pdf": "pdf",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/plain": "text",
    "text/html": "html",
    "application/xhtml+xml": "html",
}
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
    try:
        return _read(data, _READERS[media_type], uri, charset, max_pages, seconds)
    except (IngestError, MemoryError):
        raise
    except Exception as error:  # on broken files the libraries raise nearly anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise IngestError(
            f"{uri} cannot be read as {media_type}, it may be damaged: {reason}.", path=uri
        ) from error


# The libraries that read files are loaded with the first file: a service that ingests none needs none.
# ruff: noqa: PLC0415


def _read(data: bytes, reader: str, uri: str, charset: str | None, max_pages: int, seconds: float) -> Parsed:
    if reader == "pdf":
        from vital_shared.retrieval.ingest.from_pdf import parse_pdf

        return parse_pdf(data, uri=uri, max_pages=max_pages, seconds=seconds)
    if reader == "html":
        from vital_shared.retrieval.ingest.from_html import parse_html

        return parse_html(data, uri=uri, charset=charset)
    if reader == "markdown":
        from vital_shared.retrieval.ingest.from_markdown import parse_markdown

        return parse_markdown(data, uri=uri, charset=charset)
    from vital_shared.retrieval.ingest.from_text import parse_text

    return parse_text(data, uri=uri, charset=charset)
