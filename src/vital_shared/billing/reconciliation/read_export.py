"""An export of any known form, from a file."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Final, TextIO

from vital_shared.billing.reconciliation.csv_exports import read_csv_export
from vital_shared.billing.reconciliation.json_exports import read_json_export
from vital_shared.billing.reconciliation.reported import ProviderExport
from vital_shared.errors import InvalidRequest

__all__ = ["parse_export", "read_export"]

MAX_EXPORT_BYTES: Final = 200_000_000

_PACKED: Final = {
    b"PK": "a ZIP file or an Excel workbook: export or unpack it as CSV",
    b"\x1f\x8b": "compressed: unpack it with gunzip",
    b"PAR1": "a Parquet file: export it as CSV",
    b"%PDF": "a PDF file: export it as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel workbook: export it as CSV",
}
"""First bytes of files that people give instead of an export."""


def read_export(path: Path) -> ProviderExport:
    """Read a provider's export.

    :raises InvalidRequest: when it cannot be read, saying why.
    """
    try:
        if path.stat().st_size > MAX_EXPORT_BYTES:
            raise InvalidRequest(
                f"The export {path} is larger than {MAX_EXPORT_BYTES:,} bytes: split it by day."
            )
        with path.open("rb") as binary:
            head = binary.read(4)
        for magic, remedy in _PACKED.items():
            if head.startswith(magic):
                raise InvalidRequest(f"The export {path} is {remedy}.")
        is_wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        with path.open(encoding="utf-16" if is_wide else "utf-8-sig", newline="") as file:
            return _parse(file)
    except OSError as error:
        raise InvalidRequest(f"The export {path} cannot be read: {error}.") from error
    except UnicodeError as error:
        raise InvalidRequest(f"The export {path} is not text in UTF-8: {error}.") from error


def parse_export(text: str) -> ProviderExport:
    """Read the text of an export: JSON where it begins like that, otherwise CSV.

    :raises InvalidRequest: when it cannot be read, saying why.
    """
    return _parse(io.StringIO(text, newline=""))


def _parse(file: TextIO) -> ProviderExport:
    first = next((char for char in iter(lambda: file.read(1), "") if not char.isspace()), "")
    file.seek(0)
    if first not in ("{", "["):
        return read_csv_export(file)
    try:
        return read_json_export(_document(file.read()))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidRequest(f"The export is not JSON: {error}.") from error


def _document(text: str) -> object:
    """Read one document, or a line of its own for each row, as BigQuery exports them."""
    try:
        return _load(text)
    except json.JSONDecodeError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        if error.msg != "Extra data" or len(lines) < 2:
            raise
        return [_load(line) for line in lines]


def _load(text: str) -> object:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=Decimal, object_pairs_hook=_unique)
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # an integer with thousands of digits
        raise InvalidRequest("The export has a number that is too long.") from error


def _unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidRequest(f'The JSON names "{name}" twice in one object.')
        found[name] = value
    return found
