"""Limit organisations, tenants, keys and users, by model. Engines of the version before do not look at it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and add to a run the key that it was asked for with; NULL: with none, or unknown."""
    op.add_column("runs", sa.Column("key_id", sa.Text))
    op.create_table(
        "tenant_organisations",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, nullable=False),
    )
    op.create_index("ix_tenant_organisations_organisation_id", "tenant_organisations", ["organisation_id"])
    op.create_table(
        "usage_limits",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("scope_id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.CheckConstraint("amount >= 0", name="ck_usage_limits_amount"),
    )
    op.create_index("ix_usage_limits_level_scope_id", "usage_limits", ["level", "scope_id"])
    op.create_table(
        "limit_usage",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("limit_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("expires_at", _INSTANT),
        sa.CheckConstraint("amount >= 0", name="ck_limit_usage_amount"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_limit_usage_limit_id", "limit_usage", ["limit_id"])
    op.create_index("ix_limit_usage_run_id", "limit_usage", ["run_id"])
