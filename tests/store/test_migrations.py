from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import alembic.command
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Insert, bindparam, insert, select, text
from tests.ledger_rows import row
from tests.store.test_retention import run

from vital_shared.errors import StoreError
from vital_shared.models.charge import MAX_CHARGE_NANOS
from vital_shared.store import account_tables, migrations
from vital_shared.store.account_tables import ledger, spending
from vital_shared.store.agents import AgentStore
from vital_shared.store.conversations import ConversationStore, Turn, add_turn
from vital_shared.store.database import Database
from vital_shared.store.migrations import history
from vital_shared.store.tables import conversations, messages, metadata, runs

MOMENT = "2026-01-01 00:00:00+00:00"


pytestmark = pytest.mark.usefixtures("migrated")

COLUMNS = tuple(row())
OLD_LEDGER_ROW = text(
    f"INSERT INTO ledger ({', '.join(COLUMNS)}) VALUES ({', '.join(f':{name}' for name in COLUMNS)})"
).bindparams(bindparam("at", type_=ledger.c.at.type))


def differences(connection: Connection) -> list[Any]:
    """Compare the schema with the tables, but for the keyword index, which each database has its own way."""

    def is_ours(_object: object, name: str | None, *_rest: object) -> bool:
        return not str(name).startswith("chunks_fts") and name not in ("search", "ix_chunks_search")

    assert account_tables.ledger.metadata is metadata
    options = {"include_object": is_ours, "compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


async def test_the_migrated_schema_is_what_the_tables_say(database: Database):
    async with database.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_difference_would_be_seen(database: Database):
    async with database.begin() as connection:
        await connection.execute(text("DROP INDEX ix_documents_tenant_id_content_hash"))
        await connection.execute(text("ALTER TABLE agents ADD COLUMN more TEXT"))
    async with database.connect() as connection:
        found = await connection.run_sync(differences)
    assert sorted(difference[0] for difference in found) == ["add_index", "remove_column"]


async def test_migrating_again_changes_nothing(database: Database):
    await database.migrate()
    assert await AgentStore(database).list(tenant_id=None) == ()


async def test_many_may_migrate_at_once_in_one_process(url: str):
    databases = [Database(url) for _ in range(5)]
    await asyncio.gather(*(database.migrate() for database in databases))
    for database in databases:
        assert await AgentStore(database).list(tenant_id=None) == ()
        await database.aclose()


@pytest.mark.thorough
async def test_many_processes_may_migrate_at_once(url: str):
    code = (
        "import asyncio, sys; from vital_shared.store.database import Database; "
        "sys.stdin.read(); asyncio.run(Database(sys.argv[1]).migrate())"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, url, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    ended = await asyncio.gather(*(process.communicate(b"") for process in processes))
    assert [(process.returncode, error) for process, (_, error) in zip(processes, ended, strict=True)] == [
        (0, b"")
    ] * 4
    database = Database(url)
    async with database.connect() as connection:
        assert (await connection.execute(text("SELECT version_num FROM alembic_version"))).all() == [
            (history._newest(),)
        ]
    await database.aclose()


async def older_database(url: str, monkeypatch: pytest.MonkeyPatch, version: str) -> Database:
    """Make a database whose schema is of an older version."""
    database = Database(url)
    with monkeypatch.context() as older:
        older.setattr(history, "_newest", lambda: version)
        await database.migrate()
    return database


async def test_conversations_of_the_older_schema_keep_their_messages(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    database = await older_database(url, monkeypatch, "0004")
    async with database.begin() as connection:
        for session, tenant in (("s", "acme"), ("t", "globex")):
            await connection.execute(
                text(
                    "INSERT INTO conversations (session_id, tenant_id, user_id, created_at, updated_at)"
                    f" VALUES ('{session}', '{tenant}', 'u', '{MOMENT}', '{MOMENT}')"
                )
            )
            await connection.execute(
                text(
                    "INSERT INTO messages (session_id, run_id, role, content, created_at)"
                    f" VALUES ('{session}', 'r', 'user', 'words of {tenant}', '{MOMENT}')"
                )
            )
    await database.aclose()
    database = Database(url)
    await database.migrate()
    store = ConversationStore(database)
    for session, tenant in (("s", "acme"), ("t", "globex")):
        (message,) = await store.history(session, tenant_id=tenant, limit=10)
        assert message.content == f"words of {tenant}"
    turn = Turn(session_id="s", tenant_id="globex", user_id="u", question="new", answer="too")
    async with database.begin() as connection:
        await connection.run_sync(add_turn, turn, run_id="r", now=datetime.now(UTC))
        assert await connection.run_sync(differences) == []
        await connection.execute(text("DELETE FROM conversations WHERE tenant_id = 'acme'"))
    assert await store.history("s", tenant_id="acme", limit=10) == ()
    assert len(await store.history("s", tenant_id="globex", limit=10)) == 2
    await database.aclose()


async def test_messages_of_the_older_schema_get_the_users_of_their_runs(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    database = await older_database(url, monkeypatch, "0031")
    kept, gone = run(1), "a run that retention has deleted"
    ids = ["unknown", *[kept["id"]] * 1_001, gone]  # more than a batch
    talk = {"tenant_id": "acme", "session_id": "s", "created_at": kept["created_at"]}
    said = [talk | {"run_id": id_, "role": "user", "content": "words"} for id_ in ids]
    begun = talk | {"user_id": "bob", "updated_at": kept["created_at"]}
    async with database.begin() as connection:
        await connection.execute(insert(runs), [kept])
        await connection.execute(OLD_LEDGER_ROW, [row(run_id=gone, user_id="eve")])
        await connection.execute(insert(conversations), [begun])
        await connection.execute(insert(messages), said)
    await database.aclose()
    database = Database(url)
    await database.migrate()
    async with database.connect() as connection:
        found = await connection.scalars(select(messages.c.user_id).order_by(messages.c.id))
        assert found.all() == [None, *["ann"] * 1_001, "eve"]
        assert await connection.run_sync(differences) == []
    await database.aclose()


async def test_old_charges_that_are_impossible_are_moved_and_flagged_and_the_rest_stays(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    database = await older_database(url, monkeypatch, "0005")
    amounts = {"run-1": -500_000_000, "run-2": 3 * 10**18, "run-3": 7}
    async with database.begin() as connection:
        for run_id, nanos in amounts.items():
            old = {"run_id": run_id, "cost_nanos": nanos}
            await connection.execute(OLD_LEDGER_ROW, row() | old)
        for period in ("2026-11-25", "2026-11"):
            spent = {"tenant_id": "acme", "period": period, "cost_nanos": sum(amounts.values())}
            await connection.execute(insert(spending).values(spent))
    await database.aclose()
    database = Database(url)
    await database.migrate()
    async with database.connect() as connection:
        found = await connection.execute(select(ledger).order_by(ledger.c.run_id))
        assert [(each.cost_nanos, each.clamped, each.raw_usage) for each in found] == [
            (0, True, '{"cost_nanos": -500000000}'),
            (MAX_CHARGE_NANOS, True, '{"cost_nanos": 3000000000000000000}'),
            (7, False, None),
        ]
        kept = (await connection.scalars(select(spending.c.cost_nanos))).all()
        assert kept == [MAX_CHARGE_NANOS + 7] * 2
    await database.aclose()


IMPOSSIBLE = [
    insert(ledger).values(row(cost_nanos=-1)),
    insert(ledger).values(row(cost_nanos=MAX_CHARGE_NANOS + 1)),
    insert(spending).values(tenant_id="acme", period="2026", cost_nanos=-1),
]


@pytest.mark.parametrize("statement", IMPOSSIBLE)
async def test_the_database_itself_refuses_impossible_money(database: Database, statement: Insert):
    with pytest.raises(StoreError):
        await database.put(lambda connection: connection.execute(statement))


async def test_a_migration_that_fails_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch):
    run = alembic.command.upgrade

    def run_and_fail(config: Config, target: str) -> None:
        run(config, target)
        config.attributes["connection"].execute(text("SELECT * FROM nowhere"))

    database = Database(url)
    monkeypatch.setattr(alembic.command, "upgrade", run_and_fail)
    with pytest.raises(StoreError, match="nowhere"):
        await database.migrate()
    async with database.connect() as connection:
        assert await connection.run_sync(lambda c: c.dialect.get_table_names(c)) == []
    monkeypatch.undo()
    await database.migrate()
    await database.aclose()


async def test_a_newer_schema_that_is_for_older_engines_too_is_used(database: Database):
    async with database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.migrate()
    assert await AgentStore(database).list(tenant_id=None) == ()


async def test_a_newer_schema_that_is_not_for_older_engines_is_refused(database: Database):
    async with database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(text("UPDATE schema_compatibility SET oldest_version = '9999'"))
    with pytest.raises(StoreError, match="9999"):
        await database.migrate()


def test_every_revision_has_a_file_that_the_wheel_ships():
    versions = Path(migrations.__file__).parent / "versions"
    assert [path.name for path in sorted(versions.glob("v*.py"))] == [
        "v0001_first.py",
        "v0002_accounts.py",
        "v0003_alerts.py",
        "v0004_cache_epochs.py",
        "v0005_conversations_by_tenant.py",
        "v0006_bounded_charges.py",
        "v0007_shares_and_models.py",
        "v0008_idempotency_keys.py",
        "v0009_document_files.py",
        "v0010_request_counts.py",
        "v0011_label_use.py",
        "v0012_chunk_deletions.py",
        "v0013_sources.py",
        "v0014_embedding_model.py",
        "v0015_staged_embeddings.py",
        "v0016_chunk_embeddings.py",
        "v0017_retrieval_tunings.py",
        "v0018_document_notes.py",
        "v0019_run_decisions.py",
        "v0020_nodes_of_charges.py",
        "v0021_durable_runs.py",
        "v0022_background_runs.py",
        "v0023_run_calls.py",
        "v0024_lists.py",
        "v0025_listed_runs.py",
        "v0026_compatibility.py",
        "v0027_key_expiry.py",
        "v0028_audit_log.py",
        "v0029_queue_turns.py",
        "v0030_usage_limits.py",
        "v0031_retention_outcomes.py",
        "v0032_retention_indexes.py",
        "v0033_users_of_messages.py",
        "v0034_model_calls.py",
        "v0035_workflows_of_charges.py",
        "v0036_steps_and_traces.py",
    ]
