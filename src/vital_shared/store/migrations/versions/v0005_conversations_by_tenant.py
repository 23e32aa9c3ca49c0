"""Key conversations by tenant and session, so that two tenants may use one session id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_INSTANT = sa.DateTime(timezone=True)
_KEY = ["tenant_id", "session_id"]
_INDEX = "ix_messages_tenant_id_session_id_id"
_FOREIGN_KEY = "fk_messages_conversation"

_POSTGRES = (
    "ALTER TABLE messages ADD COLUMN tenant_id text",
    """UPDATE messages SET tenant_id = conversations.tenant_id FROM conversations
        WHERE conversations.session_id = messages.session_id""",
    "ALTER TABLE messages ALTER COLUMN tenant_id SET NOT NULL",
    "ALTER TABLE messages DROP CONSTRAINT messages_session_id_fkey",
    "ALTER TABLE conversations DROP CONSTRAINT conversations_pkey",
    "ALTER TABLE conversations ADD PRIMARY KEY (tenant_id, session_id)",
    f"""ALTER TABLE messages ADD CONSTRAINT {_FOREIGN_KEY} FOREIGN KEY (tenant_id, session_id)
        REFERENCES conversations (tenant_id, session_id) ON DELETE CASCADE""",
    "DROP INDEX ix_messages_session_id_id",
)

_COPY = (
    """INSERT INTO new_conversations (tenant_id, session_id, user_id, created_at, updated_at)
        SELECT tenant_id, session_id, user_id, created_at, updated_at FROM conversations""",
    """INSERT INTO new_messages (id, tenant_id, session_id, run_id, role, content, created_at)
        SELECT id, tenant_id, session_id, run_id, role, content, messages.created_at
        FROM messages JOIN conversations USING (session_id)""",
)


def upgrade() -> None:
    """Put the tenant into both keys; each message has the tenant of its session."""
    if op.get_bind().dialect.name == "sqlite":
        _make_anew()
    else:
        for statement in _POSTGRES:
            op.execute(statement)
    op.create_index(_INDEX, "messages", [*_KEY, "id"])


def _make_anew() -> None:
    """SQLite cannot change keys: make new tables, the messages dropped before what they refer to."""
    op.create_table(
        "new_conversations",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("session_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "new_messages",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in (*_KEY, "run_id", "role", "content")),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            _KEY, [f"new_conversations.{name}" for name in _KEY], name=_FOREIGN_KEY, ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    for statement in _COPY:
        op.execute(statement)
    for table in ("messages", "conversations"):
        op.drop_table(table)
    for table in ("conversations", "messages"):
        op.rename_table(f"new_{table}", table)
