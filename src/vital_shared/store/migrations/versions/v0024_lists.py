"""Make runs and conversations easy to list, and keep feedback and the sessions of the console."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from vital_shared.store.listed_question import to_search_text, to_title

revision = "0024"
down_revision = "0023"

_INSTANT = sa.DateTime(timezone=True)
_ROWS_PER_BATCH = 500
_LISTED = (
    "created_at",
    "id",
    "status",
    "mode",
    "workflow",
    "user_id",
    "degraded",
    "model",
    "cost_nanos",
    "duration_seconds",
    "search_text",
)


def upgrade() -> None:
    """Add columns, fill them from what is there, and index them."""
    op.add_column("runs", sa.Column("model", sa.Text))
    op.add_column("runs", sa.Column("cost_nanos", sa.BigInteger))
    op.add_column("runs", sa.Column("title", sa.Text))
    op.add_column("runs", sa.Column("search_text", sa.Text))
    op.add_column("conversations", sa.Column("title", sa.Text))
    _describe_runs()
    _name_conversations()
    op.create_index("ix_runs_listed", "runs", [*_LISTED, "tenant_id"])
    op.create_index("ix_runs_tenant_id_listed", "runs", ["tenant_id", *_LISTED])
    op.create_index("ix_conversations_updated_at", "conversations", ["updated_at", "session_id"])
    op.create_index(
        "ix_conversations_tenant_id_updated_at", "conversations", ["tenant_id", "updated_at", "session_id"]
    )
    op.create_table(
        "run_feedback",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("number", sa.Double),
        sa.Column("text", sa.Text),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "user_id", "kind", "name", name="pk_run_feedback"),
    )
    op.create_table(
        "console_sessions",
        sa.Column("token_hash", sa.Text, primary_key=True),
        sa.Column("key_id", sa.Text, sa.ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
    )


def _describe_runs() -> None:
    """Write what a list shows and searches, in batches: inputs and answers are long."""
    runs = sa.table(
        "runs",
        *(
            sa.column(name)
            for name in ("id", "input", "output", "title", "search_text", "model", "cost_nanos")
        ),
    )
    ledger = sa.table("ledger", sa.column("run_id"), sa.column("cost_nanos"))
    cost = sa.select(sa.func.sum(ledger.c.cost_nanos)).where(ledger.c.run_id == runs.c.id).scalar_subquery()
    update = (
        runs.update()
        .where(runs.c.id == sa.bindparam("of"))
        .values(
            title=sa.bindparam("a_title"),
            search_text=sa.bindparam("a_search_text"),
            model=sa.bindparam("a_model"),
            cost_nanos=sa.cast(cost, sa.BigInteger),
        )
    )
    for batch in _batches(runs):
        op.get_bind().execute(update, [_description(row) for row in batch])


def _batches(runs: Any) -> Iterator[list[Any]]:
    last = ""
    statement = sa.select(runs.c.id, runs.c.input, runs.c.output).order_by(runs.c.id).limit(_ROWS_PER_BATCH)
    while batch := op.get_bind().execute(statement.where(runs.c.id > last)).all():
        yield list(batch)
        last = batch[-1].id


def _description(row: Any) -> dict[str, str | None]:
    question = _read(row.input).get("query") or ""
    model = _read(row.output).get("model")
    clean = question.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return {
        "of": row.id,
        "a_title": to_title(clean),
        "a_search_text": to_search_text(clean),
        "a_model": model if isinstance(model, str) else None,
    }


def _read(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _name_conversations() -> None:
    op.execute(
        """
        UPDATE conversations SET title = COALESCE((
            SELECT substr(messages.content, 1, 200) FROM messages
            WHERE messages.tenant_id = conversations.tenant_id
                AND messages.session_id = conversations.session_id AND messages.role = 'user'
            ORDER BY messages.id LIMIT 1
        ), '')
        """
    )
