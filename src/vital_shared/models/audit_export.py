"""Entries of the audit log as lines of JSON, and as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Final

from vital_shared.models.audit import AuditEntry
from vital_shared.models.csv_text import defused

__all__ = ["CSV_HEADER", "to_csv_line", "to_json_line"]

FIELDS: Final = tuple(AuditEntry.model_fields)

CSV_HEADER: Final = ",".join(FIELDS) + "\r\n"


def to_json_line(entry: AuditEntry) -> str:
    """Write an entry as one line of JSON."""
    return f"{entry.model_dump_json()}\n"


def to_csv_line(entry: AuditEntry) -> str:
    """Write an entry as one line of CSV, with its details as JSON."""
    values = entry.model_dump(mode="json") | {"details": json.dumps(entry.details)}
    out = StringIO()
    csv.writer(out).writerow(defused("" if value is None else str(value)) for value in values.values())
    return out.getvalue()
