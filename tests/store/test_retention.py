"""What was kept for long enough is deleted, in steps; the rest stays."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from pydantic import ValidationError
from sqlalchemy import func, insert, select
from tests.ledger_rows import row as ledger_row

from vital_shared.models.knowledge import Chunk
from vital_shared.models.retention import RetentionTable
from vital_shared.store.account_tables import ledger
from vital_shared.store.audit_table import audit_log
from vital_shared.store.database import Database
from vital_shared.store.dead_letter_table import dead_letters
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.retention import STEP_ROWS, passes
from vital_shared.store.tables import conversations, messages, runs

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


LETTER: Final = {
    "kind": "charge",
    "tenant_id": "acme",
    "item": "i",
    "payload": "{}",
    "error": "e",
    "attempts": 1,
}
"""A dead letter, but for its run and its times."""


def run(days: int, number: int = 0, *, tenant: str = "acme", status: str = "completed") -> dict[str, Any]:
    begun = NOW - timedelta(days=days)
    return {
        "id": f"{tenant}-{days}-{number}",
        "tenant_id": tenant,
        "user_id": "ann",
        "mode": "2",
        "workflow": "w",
        "plan": "p",
        "status": status,
        "last_seq": 0,
        "created_at": begun,
        "deadline_at": begun,
        "finished_at": begun if status == "completed" else None,
        "input": json.dumps({"query": "words"}),
    }


async def sweep(database: Database, **rules: Any) -> list[tuple[str, int]]:
    """Do all steps; gives what each deleted."""
    table, done = RetentionTable.model_validate(rules), []
    for each in passes(database, KnowledgeStore(database), table, NOW):
        is_last = False
        while not is_last:
            deleted, is_last = await each.step()
            done.append((each.kind, deleted))
    return done


async def ids(database: Database) -> set[str]:
    async with database.connect() as connection:
        return set(await connection.scalars(select(runs.c.id)))


async def fill(database: Database, rows: list[dict[str, Any]]) -> None:
    async with database.begin() as connection:
        await connection.execute(insert(runs), rows)


async def test_nothing_is_deleted_where_nothing_says_so(database: Database):
    await fill(database, [run(9_999)])
    assert await sweep(database) == []
    assert await sweep(database, runs="forever", tenants={"acme": {"runs": "forever"}}) == []
    assert len(await ids(database)) == 1


async def test_each_tenant_has_its_own_period_and_runs_that_go_on_stay(database: Database):
    await fill(
        database,
        [
            *(run(days, tenant=tenant) for days in (10, 40, 400) for tenant in ("acme", "globex", "initech")),
            run(400, 1, status="running"),
        ],
    )
    own = {"globex": {"runs": "365d"}, "initech": {"runs": "forever"}, "umbrella": {"runs": "1d"}}
    await sweep(database, runs="30d", tenants=own)
    assert await ids(database) == {
        "acme-10-0", "acme-400-1", "globex-10-0", "globex-40-0",
        "initech-10-0", "initech-40-0", "initech-400-0",
    }  # fmt: skip


async def test_a_tenant_alone_may_have_a_period(database: Database):
    await fill(database, [run(10), run(10, tenant="globex")])
    await sweep(database, tenants={"globex": {"runs": "12h"}})
    assert await ids(database) == {"acme-10-0"}


async def test_no_step_looks_at_more_than_a_few_rows(database: Database):
    many = 2 * STEP_ROWS + 50
    await fill(database, [run(40, number) for number in range(many)])
    await fill(database, [run(39, number, tenant="globex") for number in range(STEP_ROWS)])
    deleted = await sweep(database, runs="30d", tenants={"globex": {"runs": "forever"}})
    assert deleted == [("runs", 100), ("runs", 100), ("runs", 50), ("runs", 0)]
    assert len(await ids(database)) == STEP_ROWS


async def test_the_ledger_keeps_what_deleted_runs_have_cost(database: Database):
    await fill(database, [run(40)])
    async with database.begin() as connection:
        await connection.execute(insert(ledger), [ledger_row() | {"run_id": "acme-40-0", "cost_nanos": 7}])
    await sweep(database, runs="30d")
    async with database.connect() as connection:
        assert (await connection.execute(select(func.sum(ledger.c.cost_nanos)))).scalar() == 7
    assert await ids(database) == set()


async def test_conversations_go_with_their_messages_and_dead_letters_once_they_are_seen_to(
    database: Database,
):
    old, new = NOW - timedelta(days=40), NOW - timedelta(days=1)
    common = {"tenant_id": "acme", "user_id": "ann", "created_at": old}
    async with database.begin() as connection:
        for session, moment in (("old", old), ("new", new)):
            await connection.execute(
                insert(conversations), [common | {"session_id": session, "updated_at": moment}]
            )
            words = {"run_id": "r", "role": "user", "content": "words", "created_at": moment}
            await connection.execute(insert(messages), [{"tenant_id": "acme", "session_id": session} | words])
        for run_id, resolved in (("owed", None), ("written", "written")):
            await connection.execute(
                insert(dead_letters), [LETTER | {"run_id": run_id, "at": old, "resolved": resolved}]
            )
    await sweep(database, conversations="30d", dead_letters="30d")
    async with database.connect() as connection:
        assert set(await connection.scalars(select(messages.c.session_id))) == {"new"}
        assert set(await connection.scalars(select(dead_letters.c.run_id))) == {"owed"}


async def test_documents_go_as_if_somebody_had_deleted_them(database: Database):
    knowledge = KnowledgeStore(database)
    document = {"title": "t", "content_hash": "h", "media_type": "text/plain"}
    stored = await knowledge.replace(
        tenant_id="acme", uri="u", chunks=[Chunk(section="", text="words")], **document
    )
    version = await knowledge.version()
    assert await sweep(database, documents="1d") == [("documents", 0)]
    table = RetentionTable.model_validate({"documents": "1d"})
    (later,) = passes(database, knowledge, table, stored.updated_at + timedelta(days=2))
    assert (await later.step()).deleted == 1
    assert await knowledge.list(tenant_id=None) == ()
    assert await knowledge.version() > version
    async with database.connect() as connection:
        actions = (await connection.scalars(select(audit_log.c.action).order_by(audit_log.c.id))).all()
    assert actions == ["document_added", "document_deleted"]


@pytest.mark.parametrize("wrong", ["90", "0d", "-1d", "90 days", "9999999d", 90, True])
def test_what_is_no_period_is_refused(wrong: object):
    with pytest.raises(ValidationError):
        RetentionTable.model_validate({"runs": wrong})
    with pytest.raises(ValidationError):
        RetentionTable.model_validate({"tenants": {"acme": {"runs": wrong}}})


def test_a_tenant_keeps_what_it_does_not_name_as_all_do():
    table = RetentionTable.model_validate({"runs": "90d", "tenants": {"acme": {"documents": "1d"}}})
    assert table.periods("runs") == (timedelta(days=90), {})
    assert table.periods("documents") == (None, {"acme": timedelta(days=1)})
