"""The table of the cache's epochs; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, Table

from vital_shared.store.tables import SafeText, metadata

__all__ = ["cache_epochs"]

# How often the answers of a tenant, a mode, an agent were thrown away; an empty text stands for all.
cache_epochs = Table(
    "cache_epochs",
    metadata,
    Column("tenant_id", SafeText, nullable=False),
    Column("mode", SafeText, nullable=False),
    Column("agent_id", SafeText, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "mode", "agent_id", name="pk_cache_epochs"),
)
