"""Keep impossible amounts out of the ledger, keep what providers counted, and set aside failed writes.

Charges below zero or above the maximum that were written before are moved to the nearest possible amount and
flagged; what stood there before is kept in ``raw_usage``, and what the tenants have spent is corrected by
the difference.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_MAX_CHARGE_NANOS = 10_000 * 10**9
_POSSIBLE = f"cost_nanos BETWEEN 0 AND {_MAX_CHARGE_NANOS}"
_CLAMPED = sa.Column("clamped", sa.Boolean, nullable=False, server_default=sa.false())
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_INSTANT = sa.DateTime(timezone=True)

_ledger = sa.table(
    "ledger",
    sa.column("id", sa.BigInteger),
    sa.column("tenant_id", sa.Text),
    sa.column("at", _INSTANT),
    sa.column("cost_nanos", sa.BigInteger),
    sa.column("raw_usage", sa.Text),
    sa.column("clamped", sa.Boolean),
)
_spending = sa.table(
    "spending",
    sa.column("tenant_id", sa.Text),
    sa.column("period", sa.Text),
    sa.column("cost_nanos", sa.BigInteger),
)


def upgrade() -> None:
    """Add the columns, correct what is impossible, and let the database refuse it from now on."""
    op.add_column("ledger", sa.Column("raw_usage", sa.Text))
    op.add_column("ledger", sa.Column("provider_cost_nanos", sa.BigInteger))
    corrected = _correct_charges()
    _add_clamped(corrected)
    _check_spending()
    op.create_table(
        "dead_letters",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("resolved", sa.Text),
        sa.Column("resolved_at", _INSTANT),
        sa.UniqueConstraint("run_id", "item", name="uq_dead_letters_run_id_item"),
        sqlite_autoincrement=True,
    )


def _correct_charges() -> list[int]:
    """Move impossible amounts to the nearest possible one, and return the rows."""
    connection = op.get_bind()
    possible = sa.between(_ledger.c.cost_nanos, 0, _MAX_CHARGE_NANOS)
    found = connection.execute(
        sa.select(_ledger)
        .with_only_columns(_ledger.c.id, _ledger.c.tenant_id, _ledger.c.at, _ledger.c.cost_nanos)
        .where(sa.not_(possible))
    ).all()
    for row in found:
        nanos = min(max(row.cost_nanos, 0), _MAX_CHARGE_NANOS)
        kept = {"cost_nanos": nanos, "raw_usage": json.dumps({"cost_nanos": row.cost_nanos})}
        connection.execute(sa.update(_ledger).where(_ledger.c.id == row.id).values(kept))
        _spend(row.tenant_id, row.at, nanos - row.cost_nanos)
    connection.execute(sa.update(_spending).where(_spending.c.cost_nanos < 0).values(cost_nanos=0))
    return [row.id for row in found]


def _spend(tenant_id: str, at: datetime, nanos: int) -> None:
    moment = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    day = f"{moment:%Y-%m-%d}"
    own = sa.and_(_spending.c.tenant_id == tenant_id, _spending.c.period.in_((day, day[:7])))
    op.get_bind().execute(sa.update(_spending).where(own).values(cost_nanos=_spending.c.cost_nanos + nanos))


def _add_clamped(corrected: list[int]) -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        # A constraint that comes with a new column needs no copy of the table, and holds for all rows.
        connection.execute(
            sa.text(
                "ALTER TABLE ledger ADD COLUMN clamped BOOLEAN DEFAULT 0 NOT NULL "
                f"CONSTRAINT ck_ledger_cost_nanos CHECK ({_POSSIBLE})"
            )
        )
    else:
        op.add_column("ledger", _CLAMPED)
        op.create_check_constraint("ck_ledger_cost_nanos", "ledger", _POSSIBLE)
    for row_id in corrected:
        connection.execute(sa.update(_ledger).where(_ledger.c.id == row_id).values(clamped=True))


def _check_spending() -> None:
    with op.batch_alter_table("spending") as spending:
        spending.create_check_constraint("ck_spending_cost_nanos", "cost_nanos >= 0")
