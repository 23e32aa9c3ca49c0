"""Backups are whole while others write, and a restoration takes nothing that is not."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.store.test_retention import run

from vital_shared.errors import Conflict, StoreError
from vital_shared.models.knowledge import Chunk
from vital_shared.store.backup import back_up, restore, verify
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.tables import runs

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def opened(path: Path) -> Database:
    return Database(f"sqlite+aiosqlite:///{path}")


async def filled(path: Path, count: int = 3) -> Database:
    database = opened(path)
    await database.migrate()
    async with database.begin() as connection:
        await connection.execute(runs.insert(), [run(1, number) for number in range(count)])
    return database


async def add(database: Database, number: int) -> None:
    async with database.begin() as connection:
        await connection.execute(runs.insert(), [run(2, number)])


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM runs").fetchone()[0])


async def test_a_backup_is_one_state_while_others_write(tmp_path: Path):
    database = await filled(tmp_path / "vital.db")
    over = asyncio.Event()

    async def write() -> int:
        number = 0
        while not over.is_set():
            await add(database, number := number + 1)
        return number

    writing = asyncio.create_task(write())
    made = [await asyncio.to_thread(back_up, tmp_path / "vital.db", tmp_path / f"{n}.db") for n in range(5)]
    over.set()
    written = await writing
    counts = [facts.runs for facts in made]
    assert counts == sorted(counts)
    assert counts[-1] <= 3 + written
    assert [count(facts.path) for facts in made] == counts
    await database.aclose()


async def test_a_backup_is_one_private_file_and_overwrites_nothing(tmp_path: Path):
    database = await filled(tmp_path / "vital.db")
    folder = tmp_path / "backups"
    folder.mkdir()
    facts = back_up(tmp_path / "vital.db", folder / "b.db")
    assert (facts.runs, facts.documents, facts.path) == (3, 0, folder / "b.db")
    assert stat.S_IMODE(facts.path.stat().st_mode) == 0o600
    with pytest.raises(Conflict, match="already exists"):
        back_up(tmp_path / "vital.db", folder / "b.db")
    assert [path.name for path in folder.iterdir()] == ["b.db"]
    await database.aclose()


async def test_a_restoration_waits_for_the_engine_to_stop_and_keeps_what_was_there(tmp_path: Path):
    store, backup = tmp_path / "vital.db", tmp_path / "b.db"
    database = await filled(store)
    back_up(store, backup)
    await add(database, 1)
    with pytest.raises(Conflict, match="stop the engine"):
        restore(backup, store, NOW)
    assert count(store) == 4
    await database.aclose()
    (tmp_path / "vital-queue.db").write_bytes(b"items")
    _, earlier = restore(backup, store, NOW)
    assert earlier is not None
    assert (count(store), count(earlier)) == (3, 4)
    assert not (tmp_path / "vital-queue.db").exists()


async def test_what_was_made_from_a_later_state_is_not_used_with_a_restored_one(tmp_path: Path):
    store, backup = tmp_path / "vital.db", tmp_path / "b.db"
    database = await filled(store)
    back_up(store, backup)
    knowledge = KnowledgeStore(database)
    await knowledge.replace(
        tenant_id=None,
        uri="u",
        title="t",
        content_hash="h",
        media_type="text/plain",
        chunks=[Chunk(section="", text="later")],
    )
    lineage, version = await knowledge.lineage(), await knowledge.version()
    await database.aclose()
    restore(backup, store, NOW)
    restored = opened(store)
    assert await KnowledgeStore(restored).lineage() != lineage
    assert await KnowledgeStore(restored).version() > version
    await restored.migrate()
    await add(restored, 1)
    await restored.aclose()


async def test_a_damaged_backup_is_refused_and_the_store_stays(tmp_path: Path):
    store, backup = tmp_path / "vital.db", tmp_path / "b.db"
    database = await filled(store, 2_000)
    await database.aclose()
    back_up(store, backup)
    whole = backup.read_bytes()
    damaged = {
        "cut": whole[: len(whole) // 2],
        "torn": whole[:8_192] + bytes(len(whole) // 2) + whole[8_192 + len(whole) // 2 :],
        "empty": b"",
        "text": b"no database",
    }
    for name, data in damaged.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(StoreError):
            restore(tmp_path / name, store, NOW)
    with pytest.raises(StoreError, match="There is no file"):
        restore(tmp_path / "missing", store, NOW)
    assert count(store) == 2_000


async def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path):
    database = await filled(tmp_path / "vital.db")
    await database.aclose()
    with closing(sqlite3.connect(tmp_path / "vital.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="9999"):
        verify(tmp_path / "vital.db")


async def test_a_damaged_store_can_be_replaced(tmp_path: Path):
    store, backup = tmp_path / "vital.db", tmp_path / "b.db"
    database = await filled(store)
    back_up(store, backup)
    await database.aclose()
    store.write_bytes(b"nothing that is a database" * 1_000)
    _, earlier = restore(backup, store, NOW)
    assert earlier is not None
    assert count(store) == 3


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("is_damaged", [False, True], ids=["deleted", "damaged"])
async def test_the_log_of_a_store_that_is_gone_is_not_written_into_the_restored_one(
    tmp_path: Path, is_damaged: bool
):
    store, backup, log = tmp_path / "vital.db", tmp_path / "b.db", tmp_path / "vital.db-wal"
    database = await filled(store)
    back_up(store, backup)
    async with database.begin() as connection:
        await connection.execute(runs.delete())
    unwritten = log.read_bytes()
    await database.aclose()
    log.write_bytes(unwritten)  # as an engine leaves it that is killed
    (tmp_path / "vital-queue.db").write_bytes(b"items")
    if is_damaged:
        store.write_bytes(b"nothing that is a database" * 1_000)
    else:
        store.unlink()
    restore(backup, store, NOW)
    assert count(store) == 3
    kept = contents(tmp_path)
    assert [data for name, data in kept.items() if name.endswith("-wal")] == [unwritten]
    assert "vital-queue.db" not in kept


async def test_a_restored_copy_of_the_file_leaves_nothing_beside_the_store(tmp_path: Path):
    database = await filled(tmp_path / "vital.db")
    await database.aclose()  # the file says of itself that it has a log
    folder = tmp_path / "new"
    restore(tmp_path / "vital.db", folder / "vital.db", NOW)
    assert [path.name for path in folder.iterdir()] == ["vital.db"]


async def test_a_place_that_takes_no_file_is_named(tmp_path: Path):
    database = await filled(tmp_path / "vital.db")
    await database.aclose()
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "b.db"
    with pytest.raises(StoreError, match=r"file/b\.db cannot be written: "):
        back_up(tmp_path / "vital.db", target)
    with pytest.raises(StoreError, match=r"file/b\.db cannot be written: "):
        restore(tmp_path / "vital.db", target, NOW)


@pytest.mark.parametrize("change", [back_up, lambda source, target: restore(source, target, NOW)])
async def test_a_full_disk_is_named_and_nothing_is_left_on_it(
    tmp_path: Path, change: Callable[[Path, Path], object], monkeypatch: pytest.MonkeyPatch
):
    database = await filled(tmp_path / "vital.db", 2_000)
    await database.aclose()
    folder, connect = tmp_path / "full", sqlite3.connect
    folder.mkdir()

    def connect_to_full_disk(path: str | Path, **options: Any) -> sqlite3.Connection:
        connection = connect(path, **options)
        if str(folder) in str(path):
            connection.execute("PRAGMA max_page_count=3")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_to_full_disk)
    with pytest.raises(StoreError, match=r"The disk of .*full is full"):
        change(tmp_path / "vital.db", folder / "b.db")
    assert list(folder.iterdir()) == []
