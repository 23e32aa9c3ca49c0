"""The tables of durable runs: their workers, what finished nodes have made, and what was begun."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, ForeignKey, Integer, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["run_calls", "run_nodes", "workers"]

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

# The calls that have left, or are about to, and the nodes with effects that have begun; only while the run is
# running. What a call has cost is in the ledger from the end of the run on, or from its pause.
run_calls = Table(
    "run_calls",
    metadata,
    Column("run_id", SafeText, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("item", SafeText, primary_key=True),  # of the charge; or "effects/" and the node
    Column("epoch", Integer, nullable=False),
    Column("charge", SafeText),  # JSON; NULL: a node with effects
    Column("account", SafeText, nullable=False),  # the line of a loop's round, beside the charge
    Column("is_final", Boolean, nullable=False),  # whether the charge is the real one, and not as expected
)
