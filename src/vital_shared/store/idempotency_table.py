"""The table of idempotency keys; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["idempotency_keys"]

# One row for each key that a client has sent with a request, written with the run that it began.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant_id", SafeText, nullable=False),
    Column("key", SafeText, nullable=False),
    Column("fingerprint", SafeText, nullable=False),  # of the request
    Column("run_id", SafeText, nullable=False),
    Column("expires_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant_id", "key", name="pk_idempotency_keys"),
    Index("ix_idempotency_keys_expires_at", "expires_at"),
    Index("ix_idempotency_keys_run_id", "run_id"),
)
