from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vital_shared.errors import NotFound
from vital_shared.store.conversations import ConversationStore, Turn, add_turn
from vital_shared.store.database import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def conversations(database: Database) -> ConversationStore:
    return ConversationStore(database)


async def say(database: Database, question: str, *, session: str = "s", tenant: str = "acme") -> None:
    turn = Turn(session_id=session, tenant_id=tenant, user_id="u", question=question, answer=f"re {question}")
    async with database.begin() as connection:
        await connection.run_sync(add_turn, turn, run_id="r", now=NOW)


async def words(conversations: ConversationStore, limit: int, tenant: str = "acme") -> list[str]:
    history = await conversations.history("s", tenant_id=tenant, limit=limit)
    return [message.content for message in history]


async def test_the_newest_messages_come_oldest_first(database: Database, conversations: ConversationStore):
    for question in ("a", "b", "c"):
        await say(database, question)
    assert await words(conversations, 10) == ["a", "re a", "b", "re b", "c", "re c"]
    assert await words(conversations, 3) == ["re b", "c", "re c"]
    assert await words(conversations, 0) == []


async def test_sessions_do_not_mix(database: Database, conversations: ConversationStore):
    await say(database, "a")
    await say(database, "b", session="t")
    assert await words(conversations, 10) == ["a", "re a"]


async def test_a_session_belongs_to_the_tenant_that_began_it(
    database: Database, conversations: ConversationStore
):
    await conversations.check("s", tenant_id="globex")  # new: whoever comes first may begin it
    await say(database, "a")
    await conversations.check("s", tenant_id="acme")
    with pytest.raises(NotFound, match="no conversation s:") as caught:
        await conversations.check("s", tenant_id="globex")
    assert caught.value.field == "session_id"
    assert await words(conversations, 10, tenant="globex") == []
    with pytest.raises(NotFound):
        await say(database, "b", tenant="globex")
    assert await words(conversations, 10) == ["a", "re a"]


async def test_words_that_cannot_be_stored_are_replaced(database: Database, conversations: ConversationStore):
    await say(database, "a\x00b")
    assert await words(conversations, 1) == ["re a\ufffdb"]
