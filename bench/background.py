"""Measure the dispatch of background runs: DBOS alone, our runs over DBOS, and rows claimed with SKIP LOCKED.

An item does nothing in each of them, so that what is measured is the dispatch: milliseconds of this process's
CPU and of the wall clock per item, from the first one that is put to the last one that is done. All have the
same room (8 at once) and one tenant.

    .venv/bin/python bench/background.py [items]
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import text

from vital_shared import BackgroundWorker, Workflow, node
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.settings import Settings
from vital_shared.store.background_runs import QueueItem
from vital_shared.store.database import Database
from vital_shared.workflows.background.dbos_queue import DbosQueue
from vital_shared.workflows.background.limits import QueueLimits
from vital_shared.workflows.background.queue_address import queue_database
from vital_shared.workflows.services import Services

ITEMS = 300
AT_ONCE = 8
POLL_SECONDS = 0.25
LOOK_SECONDS = 1.0
"""Seldom, so that looking costs next to nothing."""


class Measured(NamedTuple):
    wall: float
    cpu: float


class Nothing(Workflow[WorkflowInput, None]):
    @node
    async def answer(self, query: str) -> str:
        return query


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measured(work: Callable[[], Awaitable[None]], items: int) -> Measured:
    cpu, wall = _cpu(), time.perf_counter()
    await work()
    return Measured((time.perf_counter() - wall) / items * 1e3, (_cpu() - cpu) / items * 1e3)


async def dbos_alone(url: str, items: int) -> Measured:
    """Put items into the queue, and take them out."""
    store = Database(url)
    await store.migrate()
    done = asyncio.Event()
    left = items

    async def work(_name: str) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    queue = DbosQueue(
        await queue_database(store, url), "bench", ["bench"], QueueLimits(AT_ONCE, AT_ONCE, 0), work
    )
    await queue.start()

    async def dispatch() -> None:
        for number in range(items):
            await queue.put(QueueItem(f"run_{number}", 1), workflow="bench", tenant_id="acme")
        await done.wait()

    try:
        return await measured(dispatch, items)
    finally:
        await queue.aclose()
        await store.aclose()


CLAIM = """
UPDATE bench_items SET state = 'taken' WHERE id IN (
    SELECT id FROM bench_items WHERE state = 'queued' ORDER BY id LIMIT :room FOR UPDATE SKIP LOCKED
) RETURNING id
"""


async def claimed_rows(url: str, items: int) -> Measured:
    """Put rows into a table, claim them, and mark them as done; SQLite has one writer, and no SKIP LOCKED."""
    store = Database(url)
    await store.migrate()
    claim = CLAIM if store.dialect == "postgresql" else CLAIM.replace("FOR UPDATE SKIP LOCKED", "")
    async with store.begin() as connection:
        await connection.execute(text("CREATE TABLE bench_items (id INTEGER PRIMARY KEY, state TEXT)"))

    async def done(number: int) -> None:
        async with store.begin() as connection:
            await connection.execute(
                text("UPDATE bench_items SET state = 'done' WHERE id = :id"), {"id": number}
            )

    async def dispatch() -> None:
        for number in range(items):
            async with store.begin() as connection:
                await connection.execute(
                    text("INSERT INTO bench_items VALUES (:id, 'queued')"), {"id": number}
                )
        left = items
        while left:
            async with store.begin() as connection:
                taken = (await connection.execute(text(claim), {"room": AT_ONCE})).scalars().all()
            async with asyncio.TaskGroup() as tasks:
                for number in taken:
                    tasks.create_task(done(number))
            left -= len(taken)
            await asyncio.sleep(0 if taken else POLL_SECONDS)

    try:
        return await measured(dispatch, items)
    finally:
        await store.aclose()


async def background_runs(url: str, folder: Path, items: int) -> Measured:
    """Queue runs of a workflow that does nothing, and run them."""
    settings = Settings(
        data_dir=folder, database_url=url, background_runs=AT_ONCE, background_runs_per_tenant=AT_ONCE
    )
    services = await Services.open(settings)
    workflow = Nothing(services)

    async def dispatch() -> None:
        run_ids = [await workflow.start_in_background(_request(number)) for number in range(items)]
        while True:
            if len(await services.background.ended(run_ids)) == items:
                return
            await asyncio.sleep(LOOK_SECONDS)

    try:
        async with BackgroundWorker(workflow):
            return await measured(dispatch, items)
    finally:
        await services.aclose()


async def plain_runs(url: str, folder: Path, items: int) -> Measured:
    """Run the same workflow as often, one after another, without a queue."""
    services = await Services.open(Settings(data_dir=folder, database_url=url))
    workflow = Nothing(services)

    async def run() -> None:
        for number in range(items):
            await workflow.execute_typed(_request(number))

    try:
        return await measured(run, items)
    finally:
        await services.aclose()


def _request(number: int) -> WorkflowInput:
    return WorkflowInput(query=f"{number}?", mode="2", tenant_id="acme", user_id="ann")


async def compare(name: str, url: str, folder: Path, items: int) -> None:
    results = {
        "rows claimed with SKIP LOCKED": await claimed_rows(url, items),
        "DBOS alone": await dbos_alone(url, items),
        "a run without a queue": await plain_runs(url, folder, items),
        "a background run": await background_runs(url, folder, items),
    }
    print(f"\n{name}, {items} items, {AT_ONCE} at once; per item:")
    for what, each in results.items():
        print(f"  {what:<32} {each.cpu:7.2f} ms CPU {each.wall:8.2f} ms wall")
    own = results["a background run"].cpu - results["a run without a queue"].cpu
    print(f"  {'a background run, beyond DBOS':<32} {own - results['DBOS alone'].cpu:7.2f} ms CPU")


@contextmanager
def postgres() -> Any:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.postgres_server import running_postgres, source_database

    with running_postgres() as server:
        yield source_database(server)


async def on_sqlite(items: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="vital-bench-"))
    try:
        await compare("SQLite", f"sqlite+aiosqlite:///{folder / 'vital.db'}", folder, items)
    finally:
        shutil.rmtree(folder)


async def on_postgres(items: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="vital-bench-"))
    try:
        with postgres() as url:
            await compare("Postgres", url, folder, items)
    finally:
        shutil.rmtree(folder)


def main() -> None:
    items = int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS
    asyncio.run(on_sqlite(items))
    asyncio.run(on_postgres(items))


if __name__ == "__main__":
    main()
