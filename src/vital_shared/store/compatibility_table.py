"""The table of the oldest engines that may use the schema."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Table

from vital_shared.store.tables import SafeText, metadata

__all__ = ["schema_compatibility"]

schema_compatibility: Final = Table(
    "schema_compatibility",
    metadata,
    # The newest schema that the oldest of these engines knows; one row.
    Column("oldest_version", SafeText, primary_key=True),
)
