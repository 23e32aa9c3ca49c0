"""The table of sessions of the console; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["console_sessions"]

# A session is as good as the key that began it, until it expires or the key is revoked.
console_sessions = Table(
    "console_sessions",
    metadata,
    Column("token_hash", SafeText, primary_key=True),  # SHA-256, hexadecimal
    Column("key_id", SafeText, ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", Instant, nullable=False),
)
