"""Keep accounts: the ledger, budgets and rates, keys; and what is asked of many runs at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and add the columns."""
    _runs()
    _ledger()
    _limits()
    _keys()
    op.create_table(
        "label_values",
        sa.Column("label", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("admitted_at", _INSTANT, nullable=False),
    )


def _runs() -> None:
    for name in ("duration_seconds", "first_token_seconds", "quality_score"):
        op.add_column("runs", sa.Column(name, sa.Double))
    op.add_column("runs", sa.Column("degraded", sa.Boolean))
    op.add_column("runs", sa.Column("cache_status", sa.Text))
    op.create_index("ix_runs_finished_at", "runs", ["finished_at"])


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.Text),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("cost_type", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_input_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("unit_prices", sa.Text),
        sa.Column("cost_nanos", sa.BigInteger, nullable=False),
        sa.Column("saved_nanos", sa.BigInteger, nullable=False),
        sa.Column("hits", sa.Integer, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.UniqueConstraint("run_id", "item", name="uq_ledger_run_id_item"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledger_at", "ledger", ["at"])
    op.create_index("ix_ledger_tenant_id_at", "ledger", ["tenant_id", "at"])
    op.create_table(
        "spending",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("period", sa.Text, primary_key=True),
        sa.Column("cost_nanos", sa.BigInteger, nullable=False),
    )


def _limits() -> None:
    op.create_table(
        "budgets",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("daily_nanos", sa.BigInteger),
        sa.Column("monthly_nanos", sa.BigInteger),
        sa.Column("requests_per_minute", sa.Integer),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "reservations",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("cost_nanos", sa.BigInteger, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
    )
    op.create_index("ix_reservations_tenant_id", "reservations", ["tenant_id"])
    op.create_table(
        "request_rates",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("next_at", _INSTANT, nullable=False),
    )


def _keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("revoked_at", _INSTANT),
    )
    op.create_index("ix_api_keys_tenant_id", "api_keys", ["tenant_id"])
