"""Rich Text Format: its text, without pictures and styles."""

from __future__ import annotations

from typing import Final

from striprtf.striprtf import rtf_to_text

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.blocks import Parsed
from vital_shared.retrieval.ingest.from_text import read_text

__all__ = ["parse_rtf"]

START: Final = b"{\\rtf"


def parse_rtf(data: bytes, *, uri: str) -> Parsed:
    """Read a rich text; the cells of a table are parted by bars.

    :raises IngestError: when it is something else.
    """
    if not data.lstrip().startswith(START):
        raise IngestError(f"{uri} is no rich text: it does not begin with {{\\rtf.", path=uri)
    text: str = rtf_to_text(data.decode("latin-1"), errors="replace")  # type: ignore[no-untyped-call]
    return read_text("\n\n".join(text.splitlines()), uri=uri)
