"""The table of writes that can never succeed; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, UniqueConstraint

from vital_shared.store.tables import Instant, SafeText, Serial, metadata

__all__ = ["dead_letters"]

# One row for each write that was set aside. `item` is the charge's, or "end": a write is set aside once.
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("kind", SafeText, nullable=False),
    Column("tenant_id", SafeText, nullable=False),
    Column("run_id", SafeText, nullable=False),
    Column("item", SafeText, nullable=False),
    Column("payload", SafeText, nullable=False),  # JSON: the whole write
    Column("error", SafeText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("resolved", SafeText),  # written or discarded; NULL: it is still owed
    Column("resolved_at", Instant),
    UniqueConstraint("run_id", "item", name="uq_dead_letters_run_id_item"),
    Index("ix_dead_letters_at", "at", "id"),
    sqlite_autoincrement=True,
)
