"""The tables of durable runs: the workers that have them, and what their finished nodes have made."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Integer, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["run_nodes", "workers"]

# The lease of a worker is that of all its runs: one row is renewed, however many these are.
workers = Table(
    "workers",
    metadata,
    Column("id", SafeText, primary_key=True),
    Column("host", SafeText, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("lease_until", Double, nullable=False),  # seconds since 1970, by the clock of the database
)

# The nodes that need not run again, should the worker die; only while the run is running.
run_nodes = Table(
    "run_nodes",
    metadata,
    Column("run_id", SafeText, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("node", SafeText, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("finished", SafeText, nullable=False),  # JSON of a FinishedNode
)
