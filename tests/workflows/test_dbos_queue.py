"""The queue of background runs ends with all its threads, however early it is closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dbos import DBOS

from vital_shared.store.database import Database
from vital_shared.workflows.background.dbos_queue import DbosQueue
from vital_shared.workflows.background.limits import QueueLimits
from vital_shared.workflows.background.queue_address import queue_database

WORKFLOW = "a workflow"


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[DbosQueue]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'vital.db'}"
    store = Database(url)
    database = await queue_database(store, url)
    await store.aclose()
    queue = DbosQueue(database, "here", [WORKFLOW], QueueLimits(1, 1, 0), _nothing)
    yield queue
    await queue.aclose()


async def _nothing(_name: str) -> None: ...


async def test_a_start_that_is_cancelled_leaves_no_thread(
    queue: DbosQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread cannot be cancelled, and goes on to launch threads that poll."""
    launching, may_launch = asyncio.Event(), threading.Event()
    loop, launch = asyncio.get_running_loop(), DBOS.launch

    def slow_launch() -> None:
        loop.call_soon_threadsafe(launching.set)
        assert may_launch.wait(30)
        launch()

    monkeypatch.setattr(DBOS, "launch", slow_launch)
    before = set(threading.enumerate())
    start = asyncio.create_task(queue.start())
    async with asyncio.timeout(30):
        await launching.wait()
    start.cancel()
    await asyncio.sleep(0)
    may_launch.set()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert DbosQueue.in_process is None
    assert not _of_dbos(before)


async def test_a_queue_that_is_closed_before_its_thread_begins_does_not_start(queue: DbosQueue) -> None:
    before = set(threading.enumerate())
    DbosQueue.in_process = queue
    await queue.aclose()
    await asyncio.to_thread(queue._launch)
    assert DbosQueue.in_process is None
    assert not _of_dbos(before)


async def test_a_queue_ends_with_all_its_threads(queue: DbosQueue) -> None:
    before = set(threading.enumerate())
    await queue.start()
    assert _of_dbos(before)
    await queue.aclose()
    assert DbosQueue.in_process is None
    assert not _of_dbos(before)


def _of_dbos(before: set[threading.Thread]) -> list[str]:
    """Return the names of DBOS's threads that began since and are alive."""
    found = set(threading.enumerate()) - before
    return [thread.name for thread in found if thread.name.startswith("queue-worker") or "(" in thread.name]
