"""Describe the runs and conversations that there are, and index them for lists.

These tables are large: on Postgres `fill` and the indexes are done ahead, while engines are at work on them
(see `vital_shared.store.migrations.online`), and then there is little left to do.
"""

from __future__ import annotations

import json
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from vital_shared.store.listed_question import to_search_text, to_title

revision = "0025"
down_revision = "0024"

_ROWS_PER_BATCH: Final = 500
_LISTED: Final = (
    "created_at, id, status, mode, workflow, user_id, degraded, model, cost_nanos, duration_seconds,"
    " search_text"
)

INDEXES: Final = {
    "ix_runs_queued": "runs (tenant_id, created_at) WHERE status = 'queued'",
    "ix_runs_listed": f"runs ({_LISTED}, tenant_id)",
    "ix_runs_tenant_id_listed": f"runs (tenant_id, {_LISTED})",
    "ix_conversations_updated_at": "conversations (updated_at, session_id)",
    "ix_conversations_tenant_id_updated_at": "conversations (tenant_id, updated_at, session_id)",
}


def upgrade() -> None:
    """Fill the columns, and make the indexes."""
    after: str | None = ""
    while after is not None:
        after = fill(op.get_bind(), after)
    for name, definition in INDEXES.items():
        op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {definition}")


def fill(connection: sa.Connection, after: str) -> str | None:
    """Describe a batch of the runs whose ids follow one; returns the last of them.

    None: there were no more, and the conversations are described, too.
    """
    runs = sa.table(
        "runs",
        *(
            sa.column(name)
            for name in ("id", "input", "output", "title", "search_text", "model", "cost_nanos")
        ),
    )
    ledger = sa.table("ledger", sa.column("run_id"), sa.column("cost_nanos"))
    batch = connection.execute(
        sa.select(runs.c.id, runs.c.input, runs.c.output)
        .where(runs.c.id > after, runs.c.title.is_(None))
        .order_by(runs.c.id)
        .limit(_ROWS_PER_BATCH)
    ).all()
    if not batch:
        return None if _name_conversations(connection) < _ROWS_PER_BATCH else after
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
    connection.execute(update, [_description(row) for row in batch])
    return str(batch[-1].id)


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


def _name_conversations(connection: sa.Connection) -> int:
    """Give a batch of conversations their titles; returns how many it were."""
    return connection.execute(
        sa.text(
            """
            UPDATE conversations SET title = COALESCE((
                SELECT substr(messages.content, 1, 200) FROM messages
                WHERE messages.tenant_id = conversations.tenant_id
                    AND messages.session_id = conversations.session_id AND messages.role = 'user'
                ORDER BY messages.id LIMIT 1
            ), '')
            WHERE (tenant_id, session_id) IN (
                SELECT tenant_id, session_id FROM conversations WHERE title IS NULL LIMIT :rows
            )
            """
        ),
        {"rows": _ROWS_PER_BATCH},
    ).rowcount
