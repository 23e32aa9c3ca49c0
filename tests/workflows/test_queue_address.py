"""The connections of the queue of background runs."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.store_database import PostgresStores

from vital_shared.store.database import Database
from vital_shared.workflows.background.queue_address import queue_database


@pytest.mark.parametrize("used_after", [False, True], ids=["in use", "opened later"])
async def test_a_connection_given_back_after_the_end_is_closed(databases: PostgresStores, used_after: bool):
    """A thread of DBOS, or a cancelled call's, may give it back later than the queue ends."""
    url = databases.new()
    store = Database(url)
    queue = await queue_database(store, url)
    await store.aclose()
    if used_after:
        queue.close()
    connection = queue.engine.connect()
    connection.execute(text("SELECT 1"))
    driver = connection.connection.driver_connection
    if not used_after:
        queue.close()
    connection.close()
    assert driver is not None
    assert driver.closed


async def test_a_connection_to_the_queues_file_is_closed_likewise(tmp_path: Path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'vital.db'}"
    store = Database(url)
    queue = await queue_database(store, url)
    await store.aclose()
    connection = queue.engine.connect()
    driver = connection.connection.driver_connection
    assert driver is not None
    queue.close()
    connection.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        driver.execute("SELECT 1")


async def test_the_queues_file_has_a_clock_with_fractions_in_older_versions_of_sqlite_too(tmp_path: Path):
    """DBOS's tables ask for it in Python 3.12 and later; where it is NULL nothing can be added."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'vital.db'}"
    store = Database(url)
    queue = await queue_database(store, url)
    await store.aclose()
    before = time.time()
    with queue.engine.connect() as connection:
        now = connection.execute(text("SELECT unixepoch('subsec')")).scalar_one()
    queue.close()
    assert before - 0.001 <= now <= time.time() + 0.001
