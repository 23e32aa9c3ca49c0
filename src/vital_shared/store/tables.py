"""The tables, the same in SQLite and in Postgres.

The keyword index is not among them, since the two databases have nothing alike: SQLite keeps the
FTS5 table ``chunks_fts`` by triggers, Postgres the generated column ``chunks.search``. The
migrations make both, and `vital_shared.store.keywords` asks them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)

from vital_shared.errors import InvalidRequest
from vital_shared.models.clean_text import clean_text

__all__ = [
    "SHARED",
    "Instant",
    "SafeText",
    "Serial",
    "agents",
    "chunk_deletions",
    "chunks",
    "conversations",
    "documents",
    "knowledge_version",
    "messages",
    "metadata",
    "owner",
    "runs",
]

SHARED = ""
"""The tenant of what all tenants share. Not NULL, since NULLs are never equal in a unique key."""


def owner(tenant_id: str | None) -> str:
    """Return the column's value for a tenant, or for what is shared (None).

    :raises InvalidRequest: for the empty string, which would be taken for what is shared.
    """
    if tenant_id is None:
        return SHARED
    if not tenant_id:
        raise InvalidRequest("tenant_id must not be empty: name a tenant", field="tenant_id")
    return tenant_id


class SafeText(TypeDecorator[str]):
    """Text in which U+FFFD stands for NUL and lone surrogates, which cannot be stored.

    Both come out of broken PDF files and file names; refusing a whole document for one would help nobody.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # given
        """Replace what cannot be stored."""
        return None if value is None else clean_text(value)


class Instant(TypeDecorator[datetime]):
    """A moment, aware and in UTC on both sides; SQLite itself knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # given
        """Turn to UTC, and refuse a moment that does not say its zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time must be aware of its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # given
        """Mark it as UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Serial = BigInteger().with_variant(Integer, "sqlite")
"""SQLite makes numbers only for the type that is called INTEGER, which is 64 bits wide."""

metadata = MetaData()

agents = Table(
    "agents",
    metadata,
    Column("tenant_id", SafeText, primary_key=True),
    Column("id", SafeText, primary_key=True),
    Column("profile", SafeText, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

knowledge_version = Table(
    "knowledge_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("lineage", SafeText),
    Column("embedding_model", SafeText),
    CheckConstraint("id = 1", name="ck_knowledge_version_one_row"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", SafeText, primary_key=True),
    Column("tenant_id", SafeText, nullable=False),
    Column("uri", SafeText, nullable=False),
    Column("title", SafeText, nullable=False),
    Column("content_hash", SafeText, nullable=False),
    Column("media_type", SafeText, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("notes", SafeText, nullable=False, server_default="[]"),  # JSON list of sentences
    UniqueConstraint("tenant_id", "uri", name="uq_documents_tenant_id_uri"),
    Index("ix_documents_tenant_id_content_hash", "tenant_id", "content_hash"),
    Index("ix_documents_updated_at", "updated_at", "id"),
)

# Tenant and title are the document's, repeated here so that a search reads one table, and so that
# the database itself can keep the keyword index. Large columns stand last: what a search filters
# by is then read without them.
chunks = Table(
    "chunks",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("document_id", SafeText, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", SafeText, nullable=False),
    Column("title", SafeText, nullable=False),
    Column("section", SafeText, nullable=False),
    Column("text", SafeText, nullable=False),
    Column("embedding", LargeBinary),
    Index("ix_chunks_document_id", "document_id"),
    sqlite_autoincrement=True,  # ids are never reused: readers ask for "all after this one"
)

# Filled by a trigger, so that no deletion is missed, and kept for a while: an index that is further behind
# compares all ids.
chunk_deletions = Table(
    "chunk_deletions",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("version", BigInteger, nullable=False),
    Column("chunk_id", BigInteger, nullable=False),
    Index("ix_chunk_deletions_version", "version"),
    sqlite_autoincrement=True,
)

conversations = Table(
    "conversations",
    metadata,
    Column("tenant_id", SafeText, primary_key=True),
    Column("session_id", SafeText, primary_key=True),
    Column("user_id", SafeText, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("title", SafeText),
    Index("ix_conversations_updated_at", "updated_at", "session_id"),
    Index("ix_conversations_tenant_id_updated_at", "tenant_id", "updated_at", "session_id"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("tenant_id", SafeText, nullable=False),
    Column("session_id", SafeText, nullable=False),
    Column("run_id", SafeText, nullable=False),
    Column("role", SafeText, nullable=False),
    Column("content", SafeText, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("user_id", SafeText),  # whose request it belongs to; NULL: unknown
    ForeignKeyConstraint(
        ["tenant_id", "session_id"],
        ["conversations.tenant_id", "conversations.session_id"],
        name="fk_messages_conversation",
        ondelete="CASCADE",
    ),
    Index("ix_messages_tenant_id_session_id_id", "tenant_id", "session_id", "id"),
    Index("ix_messages_tenant_id_user_id", "tenant_id", "user_id"),
    sqlite_autoincrement=True,
)

# A list of runs is filtered within an index alone, without the rows, in which these columns may stand behind
# a long answer.
_LISTED: Final = (
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

runs = Table(
    "runs",
    metadata,
    Column("id", SafeText, primary_key=True),
    Column("tenant_id", SafeText, nullable=False),
    Column("user_id", SafeText, nullable=False),
    Column("mode", SafeText, nullable=False),
    Column("workflow", SafeText, nullable=False),
    Column("plan", SafeText, nullable=False),
    Column("status", SafeText, nullable=False),
    Column("last_seq", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("deadline_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("error_type", SafeText),
    Column("error_message", SafeText),
    Column("error_node", SafeText),
    Column("steps", SafeText),  # JSON of the nodes of a run that has ended without an answer
    Column("trace_id", SafeText),  # of its last part, in hexadecimal; NULL: it was not traced, or goes on
    Column("input", SafeText, nullable=False),
    Column("output", SafeText),
    Column("checkpoint", SafeText),
    # What is asked of many runs at once stands beside their output. Only of completed runs, but for the
    # duration, which each ended run has; time spent waiting for a person is not in it.
    Column("duration_seconds", Double),
    Column("first_token_seconds", Double),
    Column("quality_score", Double),
    Column("degraded", Boolean),
    Column("cache_status", SafeText),
    # The worker that has the run, and the number of owners before it: each write of the run names both, and
    # is refused once it was taken over or resumed elsewhere. Empty: no worker has it.
    Column("owner", SafeText, nullable=False, server_default=text("''")),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("takeovers", Integer, nullable=False, server_default="0"),  # since it began or was resumed
    Column("is_durable", Boolean, nullable=False, server_default=false()),
    Column("model", SafeText),
    Column("cost_nanos", BigInteger),
    Column("title", SafeText),
    Column("search_text", SafeText),
    Column("key_id", SafeText),  # the key that it was asked for with; NULL: none, or unknown
    # Whether somebody was erased whose words its prompts may hold: none are stored from then on.
    Column("prompts_erased", Boolean, nullable=False, server_default=false()),
    Index("ix_runs_finished_at", "finished_at"),
    Index("ix_runs_listed", *_LISTED, "tenant_id"),
    Index("ix_runs_tenant_id_listed", "tenant_id", *_LISTED),
    # Only runs that have not ended are swept, so only they are in this index: it stays small. The migration
    # says so; said here, SQLAlchemy would load what it has for Postgres, whatever database is used.
    Index("ix_runs_open_deadline_at", "deadline_at"),
    Index("ix_runs_queued", "tenant_id", "created_at"),
)
