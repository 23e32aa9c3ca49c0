from __future__ import annotations

import asyncio
import re
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiosqlite
import pytest
from sqlalchemy import text
from tests.kept_contexts import is_context_kept

from vital_shared.errors import ConfigurationError, StoreError
from vital_shared.store.database import Database


async def count(database: Database) -> int:
    async with database.connect() as connection:
        return (await connection.execute(text("SELECT count(*) FROM agents"))).scalar_one()


INSERT = text("INSERT INTO agents VALUES ('', :id, '{}', '2026-03-01 00:00:00+00:00')")


async def test_a_database_that_is_there_answers(database: Database):
    await database.ping()
    async with database.connect() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar() == 1


async def insert(database: Database, agent_id: str) -> None:
    async with database.begin() as connection:
        await connection.execute(INSERT, {"id": agent_id})


async def test_an_exception_rolls_the_transaction_back(database: Database):
    async def insert_and_fail() -> None:
        async with database.begin() as connection:
            await connection.execute(INSERT, {"id": "a"})
            raise KeyError

    with pytest.raises(KeyError):
        await insert_and_fail()
    assert await count(database) == 0


async def test_readers_neither_wait_for_a_writer_nor_see_what_it_has_not_committed(
    database: Database, other: Database
):
    async with database.begin() as connection:
        await connection.execute(INSERT, {"id": "a"})
        assert await count(database) == await count(other) == 0
    assert await count(database) == await count(other) == 1


async def test_a_cancelled_writer_leaves_nothing_and_blocks_nobody(database: Database, other: Database):
    writing = asyncio.Event()

    async def write_and_hang() -> None:
        async with database.begin() as connection:
            await connection.execute(INSERT, {"id": "a"})
            writing.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write_and_hang())
    await writing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for writer in (database, other):
        async with writer.begin() as connection:
            await connection.execute(text("DELETE FROM agents"))
    assert await count(database) == 0


async def test_a_writer_that_gives_up_waiting_blocks_nobody(database: Database, other: Database):
    # Changed by one and wanted by the others: on either database these have to wait for it.
    change = text("UPDATE knowledge_version SET version = version + 1")

    async def write(writer: Database) -> None:
        async with writer.begin() as connection:
            await connection.execute(change)

    async with database.begin() as connection:
        await connection.execute(change)
        for _ in range(2):
            for writer in (database, other):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(write(writer), 0.1)
    await write(database)
    await write(other)
    async with database.connect() as connection:
        assert (await connection.execute(text("SELECT version FROM knowledge_version"))).scalar_one() == 3


KILLED = """
import asyncio, sys
from sqlalchemy import text
from vital_shared.store.database import Database

async def main():
    database = Database(sys.argv[1])
    for name in ("committed", "open"):
        async with database.begin() as connection:
            await connection.execute(text(sys.argv[2]), {"id": name})
            if name == "open":
                print("ready", flush=True)
                await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_process_loses_nothing_committed_and_leaves_nothing_else(url: str, database: Database):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, url, str(INSERT), stdout=asyncio.subprocess.PIPE
    )
    assert await process.stdout.readline() == b"ready\n"
    process.kill()
    await process.communicate()
    async with database.begin() as connection:  # nothing is locked
        left = await connection.execute(text("SELECT id FROM agents"))
        assert left.scalars().all() == ["committed"]


async def test_what_the_database_refuses_is_one_sentence(database: Database):
    with pytest.raises(StoreError, match=r"^The database refused: ") as caught:
        async with database.connect() as connection:
            await connection.execute(text("SELECT * FROM nowhere"))
    assert re.match(r"^The database \S+ refused: .*nowhere", caught.value.for_operators)
    assert "\n" not in str(caught.value)
    assert "\n" not in caught.value.for_operators


async def test_an_error_does_not_show_the_values(database: Database):
    await insert(database, "secret")
    with pytest.raises(StoreError, match="refused") as caught:
        await insert(database, "secret")
    assert "secret" not in str(caught.value)
    assert "secret" not in caught.value.for_operators
    assert "secret" not in str(caught.value.__cause__)


async def test_a_sqlite_file_and_its_folders_are_made(tmp_path: Path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'a 100%' / 'b' / 'vital.db'}")
    await database.migrate()
    assert await count(database) == 0
    async with database.connect() as connection:
        modes = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert modes == ["wal", 1, 1]
    await database.aclose()


async def test_a_sqlite_file_that_was_deleted_is_not_made_anew_and_empty(tmp_path: Path):
    """An empty file in its place would hide what has happened, and take what is written to it."""
    file = tmp_path / "vital.db"
    first = Database(f"sqlite+aiosqlite:///{file}")
    await first.migrate()
    await first.aclose()
    file.unlink()
    later = Database(f"sqlite+aiosqlite:///{file}")
    with pytest.raises(StoreError, match="unable to open database file"):
        await count(later)
    with pytest.raises(StoreError, match="unable to open database file"):
        await insert(later, "a")
    await later.aclose()
    assert not file.exists()


async def test_a_sqlite_file_that_cannot_be_is_a_store_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'file' / 'vital.db'}")
    for call in (database.migrate(), database.ping()):
        with pytest.raises(StoreError, match="cannot be reached") as caught:
            await call
        assert "its folder has to exist, or be one that can be made" in caught.value.details
        assert "VITAL_DATA_DIR" in caught.value.details
    await database.aclose()


async def test_a_file_that_is_no_database_is_a_store_error(tmp_path: Path):
    (tmp_path / "vital.db").write_text("no database at all, but long enough to be taken for one" * 100)
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'vital.db'}")
    for call in (database.migrate(), database.ping()):
        with pytest.raises(StoreError, match="not a database"):
            await call
    await database.aclose()


async def test_a_folder_in_place_of_the_file_leaves_no_thread_of_the_driver_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A failed connection's thread printed "Event loop is closed" when the migration's own loop had ended."""
    connected: list[str] = []
    connect = aiosqlite.connect

    def count_connecting(place: str, **options: object) -> aiosqlite.Connection:
        connected.append(place)
        return connect(place, **options)

    monkeypatch.setattr(aiosqlite, "connect", count_connecting)
    database = Database(f"sqlite+aiosqlite:///{tmp_path}")
    with pytest.raises(StoreError, match="refused: unable to open database file"):
        await database.migrate()
    await database.aclose()
    assert connected == []


async def test_an_unreachable_postgres_is_named_without_its_password():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = unused.getsockname()[1]
        database = Database(f"postgresql+asyncpg://me:hunter2@127.0.0.1:{port}/vital?password=hunter2")
        for call in (database.migrate(), database.ping()):
            with pytest.raises(StoreError, match=f"127.0.0.1:{port}/vital cannot be reached") as caught:
                await call
            assert "hunter2" not in str(caught.value)
            assert "hunter2" not in caught.value.for_operators
            assert "VITAL_DATABASE_URL" in caught.value.for_operators
    await database.aclose()


async def test_a_postgres_that_does_not_say_a_word_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system takes the call, and nobody answers
        port = silent.getsockname()[1]
        database = Database(f"postgresql+asyncpg://me:hunter2@127.0.0.1:{port}/vital", wait_seconds=0.2)
        with pytest.raises(StoreError, match=r"did not answer in time"):
            await database.ping()
        await database.aclose()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("me:hunter2@nowhere", "is not an address"),
        ("postgresql+asyncpg://me:hunter2@host:port/name", "is not an address"),
        ("mysql://me:hunter2@host/name", "begins with mysql://"),
        ("sqlite+aiosqlite://", "names no file"),
        ("sqlite+aiosqlite:///:memory:", "names no file"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, words: str):
    with pytest.raises(ConfigurationError, match=words) as caught:
        Database(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


async def test_a_connection_keeps_nothing_of_the_task_that_has_opened_it(database: Database):
    async def open_more() -> None:
        async with AsyncExitStack() as stack:
            for _ in range(3):  # more than there are yet
                connection = await stack.enter_async_context(database.connect())
                await connection.execute(text("SELECT 1"))

    assert not await is_context_kept(open_more)
