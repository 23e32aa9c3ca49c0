"""Small reads share the way to the thread, and nothing else: neither failures nor old states."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, make_url, text

from vital_shared.errors import StoreError
from vital_shared.retrieval.memory import MemorySource
from vital_shared.store.database import Database
from vital_shared.store.engines import create_thread_reader
from vital_shared.store.group_read import GroupRead
from vital_shared.store.knowledge import KnowledgeStore


@pytest.fixture
def reads(tmp_path: Path) -> Iterator[GroupRead]:
    file = tmp_path / "reads.sqlite3"
    file.touch()
    engine = create_thread_reader(make_url(f"sqlite+aiosqlite:///{file}"), wait_seconds=1)
    assert engine is not None
    reads = GroupRead(engine)
    yield reads
    reads.close()


def one(connection: Connection) -> int:
    return connection.execute(text("SELECT 1")).scalar_one()


def wrong(connection: Connection) -> int:
    return connection.execute(text("SELECT absent")).scalar_one()


async def test_of_many_reads_each_has_its_own_result_or_failure(reads: GroupRead):
    results = await asyncio.gather(*map(reads.read, (one, wrong, one)), return_exceptions=True)
    assert results[0] == results[2] == 1
    assert "absent" in str(results[1])
    assert await reads.read(one) == 1


async def test_a_reader_that_is_cancelled_holds_nobody_up(reads: GroupRead):
    first, second = reads.read(one), reads.read(one)
    first.cancel()
    assert await second == 1
    reads.read(one).cancel()
    await asyncio.sleep(0)
    assert await reads.read(one) == 1


async def test_a_read_sees_what_was_committed_before(database: Database):
    def count(connection: Connection) -> int:
        return connection.execute(text("SELECT count(*) FROM agents")).scalar_one()

    assert await database.read(count) == 0
    async with database.begin() as connection:
        await connection.execute(
            text("INSERT INTO agents VALUES ('', 'a', '{}', '2026-03-01 00:00:00+00:00')")
        )
    assert await database.read(count) == 1


async def test_a_read_that_fails_says_so_in_one_sentence(database: Database):
    with pytest.raises(StoreError, match=r"^The database refused: ") as caught:
        await database.read(wrong)
    assert re.match(r"^The database .*absent", caught.value.for_operators)


async def test_searches_open_no_connections(tmp_path: Path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'vital.sqlite3'}")
    await database.migrate()
    opened: list[object] = []
    assert database._engines is not None
    event.listen(database._engines.reader.sync_engine, "connect", lambda *each: opened.append(each))
    source = MemorySource(KnowledgeStore(database), None, tmp_path / "index")
    await source.search("words", tenant_id="acme", limit=3)
    opened.clear()
    await asyncio.gather(*(source.search("words", tenant_id="acme", limit=3) for _ in range(20)))
    assert opened == []
    await source.aclose()
    await database.aclose()
