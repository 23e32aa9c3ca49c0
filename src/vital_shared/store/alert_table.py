"""The table of alerts; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, UniqueConstraint

from vital_shared.store.tables import Instant, SafeText, Serial, metadata

__all__ = ["alerts"]

# Alerts as of Alertmanager's last notification. They belong to no tenant: the engine's operators see them.
alerts = Table(
    "alerts",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("fingerprint", SafeText, nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("status", SafeText, nullable=False),
    Column("ends_at", Instant),
    Column("labels", SafeText, nullable=False),  # JSON
    Column("annotations", SafeText, nullable=False),  # JSON
    Column("generator_url", SafeText, nullable=False),
    Column("receiver", SafeText, nullable=False),
    Column("received_at", Instant, nullable=False),
    UniqueConstraint("fingerprint", "starts_at", name="uq_alerts_fingerprint_starts_at"),
    Index("ix_alerts_received_at", "received_at"),
    sqlite_autoincrement=True,
)
