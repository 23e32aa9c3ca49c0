"""Conversations: what was asked and answered in a tenant's session."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects.sqlite import Insert

from vital_shared.models.base import Frozen
from vital_shared.models.message import Message
from vital_shared.store.database import Database
from vital_shared.store.listed_question import to_title
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
    """The conversations of all tenants. Two tenants may use one session id: these are two conversations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def history(self, session_id: str, *, tenant_id: str, limit: int) -> tuple[Message, ...]:
        """Return the newest `limit` messages, oldest first; none where the tenant has no such session."""
        statement = (
            select(messages.c.role, messages.c.content)
            .where(messages.c.tenant_id == tenant_id, messages.c.session_id == session_id)
            .order_by(messages.c.id.desc())
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return tuple(Message(role=row.role, content=row.content) for row in reversed(rows))


def add_turn(connection: Connection, turn: Turn, *, run_id: str, now: datetime) -> None:
    """Add a question and its answer to the tenant's session, which begins with them where it is new."""
    session = turn.model_dump(include={"session_id", "tenant_id", "user_id"})
    begun = {"created_at": now, "updated_at": now, "title": to_title(turn.question)}
    connection.execute(_touch(connection.dialect.name), session | begun)
    common = {
        "tenant_id": turn.tenant_id,
        "session_id": turn.session_id,
        "user_id": turn.user_id,
        "run_id": run_id,
        "created_at": now,
    }
    question = common | {"role": "user", "content": turn.question}
    answer = common | {"role": "assistant", "content": turn.answer}
    connection.execute(insert(messages).values([question, answer]))


@cache
def _touch(dialect: str) -> Insert:
    """Begin a session, or mark it as used.

    The update holds the session until the commit, so that a question and its answer stay together.
    """
    begun = upsert(conversations, dialect)
    return begun.on_conflict_do_update(
        index_elements=["tenant_id", "session_id"], set_={"updated_at": begun.excluded.updated_at}
    )
