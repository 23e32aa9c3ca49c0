"""Note the users of messages that there are, by their runs, or by the ledger where retention took these.

The table may be large: on Postgres `fill` and the index are done ahead (see
`vital_shared.store.migrations.online`).
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

_ROWS_PER_BATCH: Final = 1_000

INDEXES: Final = {"ix_messages_tenant_id_user_id": "messages (tenant_id, user_id)"}


def upgrade() -> None:
    """Fill the column, and index it."""
    after: str | None = ""
    while after is not None:
        after = fill(op.get_bind(), after)
    for name, definition in INDEXES.items():
        op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {definition}")


def fill(connection: sa.Connection, after: str) -> str | None:
    """Note the users of a batch of the messages that follow one; returns the last of them, None: all are."""
    last = connection.execute(
        sa.text(
            "SELECT max(id) FROM (SELECT id FROM messages WHERE id > :after ORDER BY id LIMIT :rows) AS batch"
        ),
        {"after": int(after or 0), "rows": _ROWS_PER_BATCH},
    ).scalar()
    if last is None:
        return None
    connection.execute(
        sa.text(
            """
            UPDATE messages SET user_id = COALESCE(
                (SELECT runs.user_id FROM runs WHERE runs.id = messages.run_id),
                (SELECT min(ledger.user_id) FROM ledger WHERE ledger.run_id = messages.run_id)
            )
            WHERE id > :after AND id <= :last AND user_id IS NULL
            """
        ),
        {"after": int(after or 0), "last": last},
    )
    return str(last)
