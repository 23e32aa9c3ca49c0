from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis.strategies import lists, sampled_from, tuples

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


async def test_each_tenant_has_a_session_of_its_own_under_one_id(
    database: Database, conversations: ConversationStore
):
    await say(database, "a")
    assert await words(conversations, 10, tenant="globex") == []
    await say(database, "b", tenant="globex")
    assert await words(conversations, 10) == ["a", "re a"]
    assert await words(conversations, 10, tenant="globex") == ["b", "re b"]


@settings(max_examples=25, deadline=None)
@given(turns=lists(tuples(sampled_from(["acme", "globex", "a:s"]), sampled_from(["s", "t", "s:t"]))))
def test_histories_are_those_of_a_table_by_tenant_and_session(turns: list[tuple[str, str]]):
    async def play() -> None:
        with TemporaryDirectory() as folder:
            database = Database(f"sqlite+aiosqlite:///{folder}/vital.db")
            await database.migrate()
            expected: dict[tuple[str, str], list[str]] = {key: [] for key in turns}
            for number, (tenant, session) in enumerate(turns):
                expected[tenant, session] += [str(number), f"re {number}"]
                await say(database, str(number), tenant=tenant, session=session)
            store = ConversationStore(database)
            for (tenant, session), contents in expected.items():
                history = await store.history(session, tenant_id=tenant, limit=100)
                assert [message.content for message in history] == contents
            await database.aclose()

    asyncio.run(play())


async def test_words_that_cannot_be_stored_are_replaced(database: Database, conversations: ConversationStore):
    await say(database, "a\x00b")
    assert await words(conversations, 1) == ["re a\ufffdb"]
