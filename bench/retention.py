"""Measure how long writers wait while a year of runs is deleted in the background.

``.venv/bin/python -m bench.retention --rows 100000`` fills `runs` with a year, of which all but the
last 30 days are due, on SQLite or, with ``--postgres``, in an embedded Postgres. A writer changes one run
after the other, first alone and then beside the retention.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

from sqlalchemy import func, insert, select, text
from tests.postgres_server import running_postgres

from ai_engine.background.retention import Retention
from vital_shared.models.retention import RetentionTable
from vital_shared.store.database import Database
from vital_shared.store.engines import parse_url
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.tables import runs

NOW = datetime(2026, 11, 27, tzinfo=UTC)
ALONE_SECONDS = 10.0
FILLED_ROWS = 1_000
PAUSE_SECONDS = 0.01
"""The time between two writes: a hundred a second."""

WRITE = text("UPDATE runs SET duration_seconds = 1 WHERE id = :id")


def run(number: int, rows: int) -> dict[str, Any]:
    """Return a run of the year, with an answer of 4 KB."""
    begun = NOW - timedelta(days=365) * ((number + 1) / rows)
    return {
        "id": f"run_{number}",
        "tenant_id": f"tenant-{number % 50}",
        "user_id": f"user-{number % 1_000}",
        "mode": "2",
        "workflow": "w",
        "plan": "p",
        "status": "completed",
        "last_seq": 9,
        "created_at": begun,
        "deadline_at": begun,
        "finished_at": begun,
        "input": json.dumps({"query": f"Which devices of class {number} need a 510(k)?"}),
        "output": json.dumps({"response": "words " * 680}),
    }


async def fill(database: Database, rows: int) -> None:
    """Store the year."""
    for start in range(0, rows, FILLED_ROWS):
        async with database.begin() as connection:
            numbers = range(start, min(rows, start + FILLED_ROWS))
            await connection.execute(insert(runs), [run(number, rows) for number in numbers])


async def write_until(database: Database, over: asyncio.Event) -> list[float]:
    """Change the newest run again and again; returns the milliseconds that each took."""
    waits = []
    while not over.is_set():
        began = time.perf_counter()
        async with database.begin() as connection:
            await connection.execute(WRITE, {"id": "run_0"})
        waits.append(1_000 * (time.perf_counter() - began))
        await asyncio.sleep(PAUSE_SECONDS)
    return waits


def shown(waits: list[float]) -> str:
    """Describe the waits."""
    cuts = quantiles(waits, n=100)
    return f"p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, longest {max(waits):.0f} ms, {len(waits):,} writes"


async def measure(url: str, rows: int) -> None:
    """Fill, measure and print."""
    database = Database(url)
    await database.migrate()
    await fill(database, rows)
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(ALONE_SECONDS, over.set)
    print(f"alone:  {shown(await write_until(database, over))}")
    over = asyncio.Event()
    writing = asyncio.create_task(write_until(database, over))
    rules = RetentionTable.model_validate({"runs": "30d"})
    began = time.perf_counter()
    await Retention(database, KnowledgeStore(database), rules, lambda: NOW).run()
    seconds = time.perf_counter() - began
    over.set()
    print(f"beside: {shown(await writing)}")
    async with database.connect() as connection:
        left = (await connection.execute(select(func.count()).select_from(runs))).scalar_one()
    pace = (rows - left) / seconds
    print(f"{rows - left:,} of {rows:,} runs deleted in {seconds:.0f} s, {pace:,.0f} a second")
    await database.aclose()


async def main() -> None:
    """Measure on the database that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    async with AsyncExitStack() as stack:
        if given.postgres:
            url = parse_url(stack.enter_context(running_postgres()).get_uri()).render_as_string()
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            url = f"sqlite+aiosqlite:///{Path(folder) / 'vital.db'}"
        await measure(url, given.rows)


if __name__ == "__main__":
    asyncio.run(main())
