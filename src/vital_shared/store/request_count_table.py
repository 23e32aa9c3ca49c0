"""The table of finished requests, counted; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, PrimaryKeyConstraint, Table

from vital_shared.store.tables import Instant, SafeText, metadata

__all__ = ["request_counts"]

# Finished requests by minute and by the labels that the metrics give them, so that both agree. A
# request that has a duration is counted in one bucket of the metric's histogram, as in Prometheus' `le`.
request_counts = Table(
    "request_counts",
    metadata,
    Column("minute", Instant, nullable=False),
    Column("tenant_id", SafeText, nullable=False),
    Column("mode", SafeText, nullable=False),
    Column("outcome", SafeText, nullable=False),
    Column("cache_status", SafeText, nullable=False),  # empty: rejected before the cache was asked
    Column("answerable", SafeText, nullable=False),  # "true" or "false", as in the metrics; of answers
    Column("le", SafeText, nullable=False),  # upper bound of the duration in seconds; empty: it has none
    Column("requests", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),  # sums, and sums of squares for their spread
    Column("seconds_squared", Double, nullable=False),
    Column("scored", BigInteger, nullable=False),  # answers with a quality score
    Column("quality", Double, nullable=False),
    Column("quality_squared", Double, nullable=False),
    PrimaryKeyConstraint(
        "minute", "tenant_id", "mode", "outcome", "cache_status", "answerable", "le", name="pk_request_counts"
    ),
)
