"""Conversations: listed, searched, read, renamed and deleted, each tenant's apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.dialects import sqlite
from tests.run_record import run_record

from vital_shared.errors import InvalidRequest, NotFound
from vital_shared.models.conversation import ConversationQuery
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.store.conversation_list import MAX_MESSAGES, ConversationListStore
from vital_shared.store.conversations import Turn, add_turn
from vital_shared.store.database import Database
from vital_shared.store.runs import RunStore
from vital_shared.store.session_runs import open_runs_naming
from vital_shared.store.tables import messages

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def say(
    database: Database,
    session: str,
    question: str,
    *,
    tenant: str = "acme",
    user: str = "ann",
    minute: int = 0,
) -> None:
    turn = Turn(
        session_id=session, tenant_id=tenant, user_id=user, question=question, answer=f"re {question}"
    )
    async with database.begin() as connection:
        now = NOW + timedelta(minutes=minute)
        await connection.run_sync(add_turn, turn, run_id=f"run-{minute}", now=now)


@pytest.fixture
async def talks(database: Database) -> ConversationListStore:
    await say(database, "one", "What is a\n 510(k)?", minute=1)
    await say(database, "two", "Stents", user="bob", minute=2)
    await say(database, "one", "And 100 % of_it?", tenant="globex", minute=3)
    await say(database, "one", "And class III?", minute=4)
    return ConversationListStore(database)


async def found(talks: ConversationListStore, tenant: str | None, **query: object) -> list[tuple[str, str]]:
    page = await talks.page(ConversationQuery.model_validate(query), tenant_id=tenant)
    return [(each.tenant_id, each.session_id) for each in page.conversations]


async def test_those_used_last_come_first_named_after_their_first_question(talks: ConversationListStore):
    page = await talks.page(ConversationQuery(), tenant_id="acme")
    assert [(each.session_id, each.title, each.user_id) for each in page.conversations] == [
        ("one", "What is a 510(k)?", "ann"),
        ("two", "Stents", "bob"),
    ]
    assert page.conversations[0].updated_at == NOW + timedelta(minutes=4)
    assert await found(talks, None) == [("acme", "one"), ("globex", "one"), ("acme", "two")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"text": "510"}, ["one"]),
        ({"text": "CLASS iii"}, ["one"]),
        ({"text": "re stents"}, ["two"]),
        ({"text": "%"}, []),
        ({"text": "no\0thing"}, []),
        ({"user": "bob"}, ["two"]),
    ],
)
async def test_titles_and_messages_are_searched(
    talks: ConversationListStore, query: dict, expected: list[str]
):
    assert [session for _, session in await found(talks, "acme", **query)] == expected


async def test_pages_follow_each_other(talks: ConversationListStore):
    first = await talks.page(ConversationQuery(limit=2), tenant_id=None)
    assert await found(talks, None, limit=2, cursor=first.next_cursor) == [("acme", "two")]


async def test_a_conversation_is_read_with_the_runs_of_its_messages(talks: ConversationListStore):
    view = await talks.get("one", tenant_id="acme", now=NOW)
    assert [(each.role, each.content, each.run_id) for each in view.messages] == [
        ("user", "What is a\n 510(k)?", "run-1"),
        ("assistant", "re What is a\n 510(k)?", "run-1"),
        ("user", "And class III?", "run-4"),
        ("assistant", "re And class III?", "run-4"),
    ]
    assert view.is_whole


async def test_of_a_long_conversation_the_newest_messages_are_read(
    database: Database, talks: ConversationListStore
):
    for _ in range(MAX_MESSAGES // 2):
        await say(database, "two", "more", minute=5)
    view = await talks.get("two", tenant_id="acme", now=NOW)
    assert (len(view.messages), view.is_whole, view.messages[0].content) == (MAX_MESSAGES, False, "more")


async def test_a_new_title_stays_when_the_conversation_goes_on(
    database: Database, talks: ConversationListStore
):
    assert (await talks.rename("one", "Pathways", tenant_id="acme")).title == "Pathways"
    await say(database, "one", "And then?", minute=9)
    assert (await talks.get("one", tenant_id="acme", now=NOW)).title == "Pathways"
    assert (await talks.get("one", tenant_id="globex", now=NOW)).title == "And 100 % of_it?"


async def test_a_deleted_conversation_is_gone_with_its_messages_and_others_stay(
    database: Database, talks: ConversationListStore
):
    await talks.delete("one", tenant_id="acme")
    assert await found(talks, None) == [("globex", "one"), ("acme", "two")]
    async with database.connect() as connection:
        count = select(func.count()).select_from(messages).where(messages.c.tenant_id == "acme")
        assert (await connection.execute(count)).scalar_one() == 2


async def test_another_tenants_conversation_is_not_there(talks: ConversationListStore):
    for session, tenant in (("two", "globex"), ("three", "acme"), ("three", None)):
        with pytest.raises(NotFound):
            await talks.get(session, tenant_id=tenant, now=NOW)
        with pytest.raises(NotFound):
            await talks.rename(session, "x", tenant_id=tenant)
        with pytest.raises(NotFound):
            await talks.delete(session, tenant_id=tenant)


async def test_an_administrator_names_the_tenant_where_several_have_the_session(talks: ConversationListStore):
    assert (await talks.get("two", tenant_id=None, now=NOW)).tenant_id == "acme"
    with pytest.raises(InvalidRequest, match="X-Tenant-ID"):
        await talks.get("one", tenant_id=None, now=NOW)


def chat(query: str, session: str, tenant: str = "acme") -> WorkflowInput:
    return WorkflowInput(query=query, mode=4, tenant_id=tenant, user_id="ann", session_id=session)


async def test_runs_that_have_not_ended_belong_to_a_conversation(
    database: Database, talks: ConversationListStore
):
    store = RunStore(database)
    for run_id, request in {
        "run_1": chat("And for class II?", "one"),
        "run_2": chat("A word on one.", "two"),  # it names the other session alone
        "run_3": chat("Another tenant's?", "one", "globex"),
        "run_4": chat("And its fees?", "one"),
    }.items():
        await store.start(run_record(request, NOW, run_id))
    shown = await talks.get("one", tenant_id="acme", now=NOW)
    assert shown.open_runs == ("run_1", "run_4")
    assert (await talks.get("two", tenant_id="acme", now=NOW)).open_runs == ("run_2",)
    later = NOW + timedelta(minutes=6)  # beyond their deadlines
    assert (await talks.get("one", tenant_id="acme", now=later)).open_runs == ()


async def test_a_conversation_is_there_before_its_first_run_has_ended(database: Database):
    talks = ConversationListStore(database)
    await RunStore(database).start(run_record(chat("What is a 510(k)?", "new"), NOW))
    shown = await talks.get("new", tenant_id="acme", now=NOW)
    assert (shown.title, shown.user_id, shown.created_at) == ("What is a 510(k)?", "ann", NOW)
    assert (shown.messages, shown.is_whole, shown.open_runs) == ((), True, ("run_1",))
    with pytest.raises(NotFound):
        await talks.get("new", tenant_id="globex", now=NOW)
    await RunStore(database).start(run_record(chat("Mine?", "new", "globex"), NOW, "run_2"))
    with pytest.raises(InvalidRequest, match="Several tenants"):
        await talks.get("new", tenant_id=None, now=NOW)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # Postgres weighs the size of the table
async def test_open_runs_are_found_in_their_small_indexes(database: Database):
    statement = open_runs_naming("one", tenant_id="acme", now=NOW)
    query = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    async with database.connect() as connection:
        steps = str((await connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))).all())
    assert "ix_runs_open_deadline_at" in steps
    assert "ix_runs_queued" in steps
    assert "SCAN" not in steps.replace("SCAN runs USING INDEX ix_runs_queued", "")
