"""Count finished requests by minute, hits of the cache included, and keep baselines for comparisons.

Runs and hits that the store has are counted once more here, so that reports of earlier periods stay possible.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 15, 20, 30, 60)
_INSTANT = sa.DateTime(timezone=True)
_KEY = ("minute", "tenant_id", "mode", "outcome", "cache_status", "answerable", "le")


def upgrade() -> None:
    """Make the tables, and fill the counts from what is there."""
    op.create_table(
        "request_counts",
        sa.Column("minute", _INSTANT, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _KEY[1:]),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("seconds_squared", sa.Double, nullable=False),
        sa.Column("scored", sa.BigInteger, nullable=False),
        sa.Column("quality", sa.Double, nullable=False),
        sa.Column("quality_squared", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_request_counts"),
    )
    op.create_table(
        "baselines",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("saved_at", _INSTANT, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
    )
    # As it stands: a colon within it is no parameter.
    op.get_bind().exec_driver_sql(_count_runs())
    op.get_bind().exec_driver_sql(_count_hits())


def _minute(column: str) -> str:
    if op.get_bind().dialect.name == "postgresql":
        return f"date_trunc('minute', {column} AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
    return f"substr({column}, 1, 16) || ':00.000000'"


def _count_runs() -> str:
    """Leave out runs answered by the cache: the ledger has each hit once."""
    buckets = " ".join(f"WHEN duration_seconds <= {edge} THEN '{edge}'" for edge in _EDGES)
    return f"""
        INSERT INTO request_counts
        SELECT {_minute("finished_at")}, tenant_id, mode,
            CASE WHEN status = 'completed' AND degraded THEN 'degraded'
                WHEN status = 'completed' THEN 'success'
                WHEN status = 'failed' THEN 'failed' ELSE 'cancelled' END AS outcome,
            COALESCE(cache_status, 'bypass') AS cache_status, 'true',
            CASE WHEN duration_seconds IS NULL THEN '' {buckets} ELSE '+Inf' END AS le,
            COUNT(*), COALESCE(SUM(duration_seconds), 0),
            COALESCE(SUM(duration_seconds * duration_seconds), 0),
            COUNT(quality_score), COALESCE(SUM(quality_score), 0),
            COALESCE(SUM(quality_score * quality_score), 0)
        FROM runs
        WHERE finished_at IS NOT NULL AND status IN ('completed', 'failed', 'cancelled', 'expired')
            AND COALESCE(cache_status, '') <> 'hit'
        GROUP BY 1, 2, 3, 4, 5, 6, 7
    """  # noqa: S608 - no value from outside is in it


def _count_hits() -> str:
    """Return the statement that counts cache hits; their durations and scores were not kept."""
    return f"""
        INSERT INTO request_counts
        SELECT {_minute("at")}, tenant_id, mode, 'success', 'hit', 'true', '', SUM(hits), 0, 0, 0, 0, 0
        FROM ledger WHERE hits > 0 GROUP BY 1, 2, 3
    """  # noqa: S608 - no value from outside is in it
