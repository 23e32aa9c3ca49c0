"""Retention finds what is due by an index: no pass reads a large table from end to end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Table, insert, select
from tests.store.plans import LARGE, plan, reads_all, statements
from tests.store.test_retention import LETTER, NOW, run

from vital_shared.models.knowledge import Chunk
from vital_shared.models.retention import RETAINED_KINDS, RetentionTable
from vital_shared.store.database import Database
from vital_shared.store.dead_letter_table import dead_letters
from vital_shared.store.idempotency import forget_expired
from vital_shared.store.idempotency_table import idempotency_keys
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.retention import STEP_ROWS, TABLES, passes
from vital_shared.store.tables import conversations, documents, messages, metadata, runs

pytestmark = pytest.mark.sqlite

LATER: Final = datetime.now(UTC) + timedelta(days=400)
OLD: Final = NOW - timedelta(days=400)
ROWS: Final = STEP_ROWS + 1
"""A row more than a step looks at, so that there is a second step, which begins at a place."""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """SQLite's, whose plans do not depend on how many rows there are."""
    return f"sqlite+aiosqlite:///{tmp_path / 'vital.db'}"


async def fill(database: Database) -> None:
    """Store what is due, of each kind."""
    knowledge = KnowledgeStore(database)
    for number in range(2):
        await knowledge.replace(
            tenant_id="acme", uri=f"u{number}", chunks=[Chunk(section="", text="words")],
            title="t", content_hash=f"h{number}", media_type="text/plain",
        )  # fmt: skip
    numbers = range(ROWS)
    talk = {"tenant_id": "acme", "user_id": "ann", "created_at": OLD, "updated_at": OLD}
    words = {"tenant_id": "acme", "run_id": "r", "role": "user", "content": "words", "created_at": OLD}
    key = {"tenant_id": "acme", "fingerprint": "f", "expires_at": OLD}
    document = {"tenant_id": "acme", "title": "t", "content_hash": "h", "media_type": "m", "chunks": 0}
    rows: dict[Table, list[dict[str, Any]]] = {
        runs: [run(400, number) for number in numbers],
        conversations: [talk | {"session_id": f"s{number}"} for number in numbers],
        messages: [words | {"session_id": f"s{number}"} for number in numbers],
        idempotency_keys: [key | {"key": f"k{number}", "run_id": f"acme-400-{number}"} for number in numbers],
        dead_letters: [LETTER | {"run_id": f"{n}", "at": OLD, "resolved": "written"} for n in numbers],
        documents: [document | {"id": f"d{n}", "uri": f"many/{n}", "updated_at": OLD} for n in numbers],
    }
    async with database.begin() as connection:
        for table, values in rows.items():
            await connection.execute(insert(table), values)


async def test_no_statement_of_retention_reads_a_large_table_from_end_to_end(database: Database) -> None:
    await fill(database)
    rules = RetentionTable.model_validate(dict.fromkeys(RETAINED_KINDS, "30d"))
    with statements() as seen:
        for each in passes(database, KnowledgeStore(database), rules, LATER):
            is_last, deleted = False, 0
            while not is_last:
                step, is_last = await each.step()
                deleted += step
            assert deleted >= ROWS, each.kind
        async with database.begin() as connection:
            await connection.run_sync(forget_expired, LATER)
    texts = " ".join(seen)
    for table in (*(each.keys[0].table for each in TABLES.values()), idempotency_keys):
        assert f"DELETE FROM {table.name} " in texts
    slow = {each: steps for each in seen if (steps := reads_all(await plan(database, each, seen[each])))}
    assert slow == {}
    async with database.connect() as connection:
        assert (await connection.execute(select(runs.c.id))).all() == []


async def test_a_read_from_end_to_end_would_be_seen(database: Database) -> None:
    assert reads_all(await plan(database, "SELECT id FROM runs WHERE error_type = ?", ("x",)))
    assert reads_all(await plan(database, "SELECT id FROM runs ORDER BY status", ()))
    assert not reads_all(await plan(database, "SELECT id FROM runs WHERE id = ?", ("x",)))


@pytest.mark.parametrize("name", sorted(LARGE))
def test_what_goes_with_a_row_is_found_by_an_index(name: str) -> None:
    """A deletion looks for the rows that refer to its own, in no plan that SQLite shows."""
    table = metadata.tables[name]
    indexes = [
        *([column.name for column in index.columns] for index in table.indexes),
        [column.name for column in table.primary_key],
    ]
    for key in table.foreign_key_constraints:
        columns = key.column_keys
        assert any(index[: len(columns)] == columns for index in indexes), (table.name, columns)
