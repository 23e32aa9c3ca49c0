"""Conversations: what was asked and answered in a session."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from sqlalchemy import Connection, insert, select
from sqlalchemy.sql.dml import ReturningInsert

from vital_shared.errors import NotFound
from vital_shared.models.base import Frozen
from vital_shared.models.message import Message
from vital_shared.store.database import Database
from vital_shared.store.tables import conversations, messages
from vital_shared.store.upsert import upsert

__all__ = ["ConversationStore", "Turn", "add_turn"]


class Turn(Frozen):
    """A question and its answer, and the session that they belong to."""

    session_id: str
    tenant_id: str
    user_id: str
    question: str
    answer: str


class ConversationStore:
    """The conversations of all tenants; each session belongs to the tenant that began it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def history(self, session_id: str, *, tenant_id: str, limit: int) -> tuple[Message, ...]:
        """Return the newest `limit` messages, oldest first; none where the tenant has no such session."""
        statement = (
            select(messages.c.role, messages.c.content)
            .join_from(messages, conversations)
            .where(messages.c.session_id == session_id, conversations.c.tenant_id == tenant_id)
            .order_by(messages.c.id.desc())
            .limit(limit)
        )
        async with self._database.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return tuple(Message(role=row.role, content=row.content) for row in reversed(rows))

    async def check(self, session_id: str, *, tenant_id: str) -> None:
        """See that the tenant may go on with the session, or begin it.

        :raises NotFound: when it belongs to another tenant.
        """
        statement = select(conversations.c.tenant_id).where(conversations.c.session_id == session_id)
        async with self._database.connect() as connection:
            holder = (await connection.execute(statement)).scalar()
        if holder not in (None, tenant_id):
            raise _not_found(session_id)


def add_turn(connection: Connection, turn: Turn, *, run_id: str, now: datetime) -> None:
    """Add a question and its answer to their session, which begins with them where it is new.

    :raises NotFound: when the session belongs to another tenant.
    """
    session = turn.model_dump(include={"session_id", "tenant_id", "user_id"})
    rows = connection.execute(
        _touch(connection.dialect.name), session | {"created_at": now, "updated_at": now}
    )
    if rows.first() is None:
        raise _not_found(turn.session_id)
    common = {"session_id": turn.session_id, "run_id": run_id, "created_at": now}
    question = common | {"role": "user", "content": turn.question}
    answer = common | {"role": "assistant", "content": turn.answer}
    connection.execute(insert(messages).values([question, answer]))


@cache
def _touch(dialect: str) -> ReturningInsert[tuple[str]]:
    """Begin a session, or mark it as used, if it is the tenant's.

    Who updates the session holds it until the commit, so that a question and its answer stay together.
    """
    begun = upsert(conversations, dialect)
    return begun.on_conflict_do_update(
        index_elements=["session_id"],
        set_={"updated_at": begun.excluded.updated_at},
        where=conversations.c.tenant_id == begun.excluded.tenant_id,
    ).returning(conversations.c.session_id)


def _not_found(session_id: str) -> NotFound:
    return NotFound(
        f"There is no conversation {session_id}: leave session_id out to begin a new one",
        field="session_id",
    )
