"""An export of any known form, from a file."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Final

from vital_shared.billing.reconciliation.csv_exports import read_csv_export
from vital_shared.billing.reconciliation.json_exports import read_json_export
from vital_shared.billing.reconciliation.reported import ProviderExport
from vital_shared.errors import InvalidRequest

__all__ = ["parse_export", "read_export"]

MAX_EXPORT_BYTES: Final = 200_000_000


def read_export(path: Path) -> ProviderExport:
    """Read a provider's export.

    :raises InvalidRequest: when it cannot be read, saying why.
    """
    try:
        if path.stat().st_size > MAX_EXPORT_BYTES:
            raise InvalidRequest(
                f"The export {path} is larger than {MAX_EXPORT_BYTES:,} bytes: split it by day."
            )
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The export {path} cannot be read: {error}.") from error
    return parse_export(text)


def parse_export(text: str) -> ProviderExport:
    """Read the text of an export: JSON where it begins like that, otherwise CSV.

    :raises InvalidRequest: when it cannot be read, saying why.
    """
    if not text.lstrip().startswith(("{", "[")):
        return read_csv_export(text)
    try:
        return read_json_export(json.loads(text, parse_float=Decimal, parse_constant=Decimal))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidRequest(f"The export is no JSON: {error}.") from error
