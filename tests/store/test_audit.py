"""The audit log: written with each change, and never changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url, select, text
from tests.postgres_server import PostgresServer

from vital_shared.errors import Conflict, InvalidRequest, NotFound, StoreError
from vital_shared.models.agent import AgentProfile
from vital_shared.models.audit import AuditEntry, AuditQuery
from vital_shared.models.knowledge import Chunk
from vital_shared.models.limits import TenantLimits
from vital_shared.models.run_decision import RunDecision
from vital_shared.store.actor import Actor, acting_as
from vital_shared.store.agents import AgentStore
from vital_shared.store.audit import AuditedChange, AuditStore, add_entry
from vital_shared.store.audit_table import audit_log
from vital_shared.store.database import Database
from vital_shared.store.keys import KeyStore
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.limits import LimitStore
from vital_shared.store.persons import destroy_key
from vital_shared.store.run_decisions import add_decisions

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
OPERATOR = Actor("key", "3f0c")
AGENT = AgentProfile(id="reader", name="Reader", system_prompt="Read.", model="canned")


async def entries(database: Database, tenant_id: str | None = None, **query: object) -> list[AuditEntry]:
    found = AuditStore(database).entries(AuditQuery.model_validate(query), tenant_id=tenant_id)
    return [entry async for entry in found]


async def note(database: Database, number: int, **fields: object) -> None:
    change = AuditedChange(
        "agent_saved", f"agent-{number}", "acme", NOW + timedelta(minutes=number), **fields
    )  # type: ignore[arg-type]
    async with database.begin() as connection:
        await connection.run_sync(add_entry, change)


async def test_each_change_of_a_key_is_noted_with_its_actor(database: Database):
    keys = KeyStore(database)
    with acting_as(OPERATOR):
        made = await keys.create(tenant_id="acme", scopes=["ask"], name="web", now=NOW)
        after = await keys.rotate(made.key.id, overlap=timedelta(0), now=NOW)
        for _ in range(2):  # the second time nothing changes
            await keys.revoke(after.key.id, now=NOW)
    found = await entries(database)
    assert [(each.action, each.object, each.tenant_id) for each in found] == [
        ("key_revoked", after.key.id, "acme"),
        ("key_rotated", after.key.id, "acme"),
        ("key_created", made.key.id, "acme"),
    ]
    assert {(each.actor_kind, each.actor, each.at, each.outcome) for each in found} == {
        ("key", "3f0c", NOW, "done")
    }
    assert found[1].details == {"scopes": ["ask"], "replaces": made.key.id}
    await keys.forget_useless(now=NOW)
    assert {each.object for each in await entries(database, action="key_deleted")} == {
        made.key.id,
        after.key.id,
    }


async def test_each_change_of_an_agent_a_budget_and_a_document_is_noted(database: Database):
    agents, limits, knowledge = AgentStore(database), LimitStore(database), KnowledgeStore(database)
    await agents.save(AGENT, tenant_id="acme")
    await agents.delete("reader", tenant_id="acme")
    await limits.set("acme", TenantLimits(daily_dollars=Decimal("1.5")), now=NOW)
    await limits.delete("acme")
    document = {"uri": "u", "title": "t", "content_hash": "h", "media_type": "text/plain"}
    for _ in range(2):
        stored = await knowledge.replace(tenant_id=None, chunks=[Chunk(section="", text="words")], **document)
    await knowledge.delete(stored.id, tenant_id=None)
    found = await entries(database)
    assert [(each.action, each.object, each.tenant_id) for each in reversed(found)] == [
        ("agent_saved", "reader", "acme"),
        ("agent_deleted", "reader", "acme"),
        ("budget_set", "acme", "acme"),
        ("budget_deleted", "acme", "acme"),
        ("document_added", stored.id, None),
        ("document_replaced", stored.id, None),
        ("document_deleted", stored.id, None),
    ]
    (budget,) = await entries(database, action="budget_set")
    assert budget.details["daily_dollars"] == "1.5"
    assert {each.actor_kind for each in found} == {"program"}


async def test_what_fails_is_not_noted(database: Database):
    keys = KeyStore(database)
    made = await keys.create(tenant_id="acme", scopes=["ask"], name="", now=NOW)
    with pytest.raises(Conflict):
        await keys.forget_useless(now=NOW)
    for change in (
        keys.revoke("none", now=NOW),
        AgentStore(database).delete("none", tenant_id="acme"),
        LimitStore(database).delete("none"),
        KnowledgeStore(database).delete("none", tenant_id=None),
    ):
        with pytest.raises(NotFound):
            await change
    assert [each.object for each in await entries(database)] == [made.key.id]


async def test_an_entry_is_gone_with_a_change_that_is_rolled_back(database: Database):
    async def fail() -> None:
        async with database.begin() as connection:
            await connection.run_sync(add_entry, AuditedChange("agent_saved", "a", None, NOW))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await entries(database) == []


async def test_decisions_are_noted_without_what_was_said(database: Database):
    decisions = [
        RunDecision(kind="approved", subject="call-1", at=NOW, user_id="ann", tool="calculator"),
        RunDecision(kind="denied", subject="call-2", at=NOW, tool="pubmed", reason="a secret of ann"),
        RunDecision(kind="edited", subject="call-3", at=NOW, tool="pubmed", arguments={"q": "a secret"}),
        RunDecision(kind="answered", subject="verdict", at=NOW, answer="a secret of ann"),
    ]
    async with database.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO runs (id, tenant_id, user_id, mode, workflow, plan, status, last_seq, created_at,"
                " deadline_at, input) VALUES ('r', 'acme', 'ann', '1', 'w', 'p', 'running', 0,"
                " '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00', '{}')"
            )
        )
        await connection.run_sync(add_decisions, "r", decisions, "acme")
        raw = (await connection.execute(select(audit_log))).mappings().all()
    assert "secret" not in str([dict(row) for row in raw])
    assert "ann" not in str([dict(row) for row in raw])
    found = await entries(database, "acme", object="r")
    assert [(each.action, each.person, each.details["tool"]) for each in reversed(found)] == [
        ("tool_approved", "ann", "calculator"),
        ("tool_denied", None, "pubmed"),
        ("tool_edited", None, "pubmed"),
        ("run_answered", None, None),
    ]


async def test_a_person_is_found_by_name_until_the_key_of_the_pseudonym_is_destroyed(database: Database):
    await note(database, 1, person="ann")
    with acting_as(Actor("user", "ann", "acme")):
        await note(database, 2)
    (second, first) = await entries(database)
    assert (first.person, second.actor) == ("ann", "ann")
    assert await entries(database, person="ann") == [first]
    assert await entries(database, actor="ann") == [second]
    async with database.begin() as connection:
        await connection.run_sync(destroy_key, "acme", "ann")
    (second, first) = await entries(database)
    assert first.person == second.actor
    assert first.person.startswith("person_")
    assert await entries(database, person="ann") == []
    assert await entries(database, person=first.person) == [first]
    await note(database, 3, person="ann")
    assert first.person != (await entries(database))[0].person


async def test_pages_follow_each_other_without_gaps(database: Database):
    for number in range(7):
        await note(database, number)
    store, cursor, seen = AuditStore(database), None, []
    while True:
        page = await store.page(AuditQuery(limit=3, cursor=cursor), tenant_id="acme")
        seen += [each.object for each in page.entries]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == [f"agent-{number}" for number in reversed(range(7))]
    with pytest.raises(InvalidRequest):
        await store.page(AuditQuery(cursor="nonsense"), tenant_id="acme")
    assert await entries(database, "globex") == []


async def test_entries_are_selected_by_time_and_object(database: Database):
    for number in range(4):
        await note(database, number)
    selected = await entries(
        database, **{"from": NOW + timedelta(minutes=1), "to": NOW + timedelta(minutes=3)}
    )
    assert [each.object for each in selected] == ["agent-2", "agent-1"]
    assert [each.object for each in await entries(database, object="agent-3")] == ["agent-3"]


CHANGES = {
    "update": "UPDATE audit_log SET actor = 'nobody'",
    "delete": "DELETE FROM audit_log",
    "truncate": "TRUNCATE audit_log",
    "replace": "INSERT OR REPLACE INTO audit_log SELECT id, at, actor_kind, 'nobody', tenant_id, action, object, "
    "person, outcome, details FROM audit_log",
    "upsert": "INSERT INTO audit_log SELECT * FROM audit_log WHERE true ON CONFLICT (id) DO UPDATE "
    "SET actor = 'nobody'",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_the_database_refuses_changes(database: Database, change: str):
    if (change == "truncate" and database.dialect == "sqlite") or (
        change == "replace" and database.dialect == "postgresql"
    ):
        return  # these are no statements of that database
    with acting_as(OPERATOR):
        await note(database, 1)
    with pytest.raises(StoreError, match="append-only"):
        async with database.begin() as connection:
            await connection.execute(text(CHANGES[change]))
    assert [each.actor for each in await entries(database)] == ["3f0c"]


async def test_it_says_that_the_owner_could_take_the_triggers_away(database: Database):
    assert (await AuditStore(database).page(AuditQuery(), tenant_id=None)).protection == "triggers"


async def test_a_role_of_the_service_can_add_and_not_change(postgres: PostgresServer):
    """Grants and revocations are those of the page about it."""
    (grants,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    owner, role = f"owner_{uuid4().hex}", f"service_{uuid4().hex}"
    postgres.psql(f"CREATE ROLE {owner} LOGIN; CREATE DATABASE {owner} OWNER {owner};")
    address = make_url(postgres.get_uri()).set(drivername="postgresql+asyncpg", database=owner)
    migrating = Database(address.set(username=owner).render_as_string())
    await migrating.migrate()
    await migrating.aclose()
    postgres.psql(f"\\connect {owner}\n{grants.replace('vital_service', role)}")
    service = Database(address.set(username=role).render_as_string())
    await service.migrate()  # finds nothing to do
    await note(service, 1)
    for statement in (
        *(CHANGES[name] for name in ("update", "delete", "truncate", "upsert")),
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_log_no_change ON audit_log",
        "DROP TABLE audit_log",
        "SET session_replication_role = 'replica'",
    ):
        with pytest.raises(StoreError, match=r"permission denied|must be owner"):
            async with service.begin() as connection:
                await connection.execute(text(statement))
    page = await AuditStore(service).page(AuditQuery(), tenant_id="acme")
    assert (len(page.entries), page.protection) == (1, "role")
    await service.aclose()
