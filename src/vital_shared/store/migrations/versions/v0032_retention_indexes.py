"""Index what retention and erasure look for, and note who has said a message.

Tables with these indexes may be large: on Postgres they are made ahead (see
`vital_shared.store.migrations.online`). Engines of the version before write messages without a user: an
erasure finds those by their runs.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"

INDEXES: Final = {
    "ix_documents_updated_at": "documents (updated_at, id)",
    "ix_dead_letters_at": "dead_letters (at, id)",
    "ix_idempotency_keys_run_id": "idempotency_keys (run_id)",
}


def upgrade() -> None:
    """Make the indexes, and add the column, which the next revision fills."""
    for name, definition in INDEXES.items():
        op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {definition}")
    op.add_column("messages", sa.Column("user_id", sa.Text))
