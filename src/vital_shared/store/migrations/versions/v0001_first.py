"""Make everything."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_INSTANT = sa.DateTime(timezone=True)

_FTS5 = (
    # The index reads the words from the table itself, which is why no text is stored twice.
    """CREATE VIRTUAL TABLE chunks_fts USING fts5(
        title, section, text, content='chunks', content_rowid='id', tokenize='porter unicode61')""",
    # How hits are ranked: a word in the title counts double.
    "INSERT INTO chunks_fts(chunks_fts, rank) VALUES ('rank', 'bm25(2.0, 1.5, 1.0)')",
    """CREATE TRIGGER chunks_fts_insert AFTER INSERT ON chunks BEGIN
        INSERT INTO chunks_fts(rowid, title, section, text)
        VALUES (new.id, new.title, new.section, new.text);
    END""",
    """CREATE TRIGGER chunks_fts_delete AFTER DELETE ON chunks BEGIN
        INSERT INTO chunks_fts(chunks_fts, rowid, title, section, text)
        VALUES ('delete', old.id, old.title, old.section, old.text);
    END""",
    """CREATE TRIGGER chunks_fts_update AFTER UPDATE OF title, section, text ON chunks BEGIN
        INSERT INTO chunks_fts(chunks_fts, rowid, title, section, text)
        VALUES ('delete', old.id, old.title, old.section, old.text);
        INSERT INTO chunks_fts(rowid, title, section, text)
        VALUES (new.id, new.title, new.section, new.text);
    END""",
)

_TSVECTOR = (
    """ALTER TABLE chunks ADD COLUMN search tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('english'::regconfig, title), 'A')
        || setweight(to_tsvector('english'::regconfig, section), 'B')
        || setweight(to_tsvector('english'::regconfig, text), 'D')) STORED""",
    "CREATE INDEX ix_chunks_search ON chunks USING gin (search)",
)


def upgrade() -> None:
    """Make all tables and the keyword index."""
    _agents()
    _knowledge()
    _conversations()
    _runs()
    for statement in _FTS5 if op.get_bind().dialect.name == "sqlite" else _TSVECTOR:
        op.execute(statement)


def _agents() -> None:
    op.create_table(
        "agents",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )


def _knowledge() -> None:
    version = op.create_table(
        "knowledge_version",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("id = 1", name="ck_knowledge_version_one_row"),
    )
    op.bulk_insert(version, [{"id": 1, "version": 0}])
    op.create_table(
        "documents",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.UniqueConstraint("tenant_id", "uri", name="uq_documents_tenant_id_uri"),
    )
    op.create_index("ix_documents_tenant_id_content_hash", "documents", ["tenant_id", "content_hash"])
    op.create_table(
        "chunks",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("section", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("embedding", sa.LargeBinary),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_chunks_document_id", "chunks", ["document_id"])


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("session_id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "messages",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column(
            "session_id",
            sa.Text,
            sa.ForeignKey("conversations.session_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_session_id_id", "messages", ["session_id", "id"])


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("deadline_at", _INSTANT, nullable=False),
        sa.Column("finished_at", _INSTANT),
        sa.Column("error_type", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("error_node", sa.Text),
        sa.Column("input", sa.Text, nullable=False),
        sa.Column("output", sa.Text),
        sa.Column("checkpoint", sa.Text),
    )
    unfinished = sa.text("status IN ('running', 'awaiting_approval')")
    op.create_index(
        "ix_runs_open_deadline_at",
        "runs",
        ["deadline_at"],
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
