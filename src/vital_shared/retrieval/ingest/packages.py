"""Documents that are zip files: office formats and books."""

from __future__ import annotations

from io import BytesIO
from typing import Final
from zipfile import BadZipFile, ZipFile

from lxml import etree

from vital_shared.errors import IngestError

__all__ = ["open_package", "parse_xml"]

MAX_UNPACKED_BYTES: Final = 400_000_000
MAX_FILES: Final = 20_000
OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0"
"""First bytes of Office's files before 2007, and of those of today that have a password."""


def open_package(data: bytes, *, uri: str) -> ZipFile:
    """Open a document that is a zip file.

    :raises IngestError: when it has a password, is damaged, or unpacks to far more than a document has.
    """
    if data.startswith(OLD_OFFICE):
        raise IngestError(
            f"{uri} has a password or is of Office before 2007: save it without one, in today's format.",
            path=uri,
        )
    try:
        package = ZipFile(BytesIO(data))
    except BadZipFile as error:
        raise IngestError(f"{uri} cannot be opened, it may be damaged: {error}.", path=uri) from error
    files = package.infolist()
    if any(file.flag_bits & 1 for file in files):
        raise IngestError(f"{uri} is encrypted: save a copy without a password.", path=uri)
    if len(files) > MAX_FILES or sum(file.file_size for file in files) > MAX_UNPACKED_BYTES:
        raise IngestError(f"{uri} unpacks to far more than a document has: split it.", path=uri)
    return package


def parse_xml(data: bytes) -> etree._Element:
    """Parse XML without its entities, and without anything from elsewhere."""
    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
