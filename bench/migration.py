"""Measure how long the largest online migration takes, and how long writers wait for it meanwhile.

``.venv/bin/python -m bench.migration --rows 1000000`` fills `runs` of an older schema in an embedded
Postgres, brings it to the newest version, and lets a writer change one run after the other meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Final
from unittest.mock import patch

from sqlalchemy import text
from tests.postgres_server import running_postgres

from vital_shared.store.database import Database
from vital_shared.store.engines import parse_url
from vital_shared.store.migrations import history

OLDER: Final = "0023"
"""The last version before runs and conversations were described and indexed for lists."""

FILL: Final = """
INSERT INTO runs (id, tenant_id, user_id, mode, workflow, plan, status, last_seq, created_at, deadline_at,
    input)
SELECT 'run_' || n, 'tenant-' || n % 50, 'ann', '2', 'w', 'p', 'completed', 9,
    timestamptz '2026-11-01' + n * interval '1 second', timestamptz '2026-12-01',
    '{"query": "Which devices of class ' || n || ' need a 510(k)?", "mode": "2"}'
FROM generate_series(1, {rows}) AS n;
ANALYZE;
"""

WRITE: Final = text("UPDATE runs SET finished_at = now() WHERE id = :id")


async def migrate(url: str) -> float:
    """Bring a schema to the newest version this program knows; returns the seconds."""
    database = Database(url)
    began = time.perf_counter()
    await database.migrate()
    seconds = time.perf_counter() - began
    await database.aclose()
    return seconds


async def write_until(url: str, over: asyncio.Event, rows: int) -> list[float]:
    """Write one row after the other; returns the seconds that each took."""
    database, waits = Database(url), list[float]()
    while not over.is_set():
        began = time.perf_counter()
        async with database.begin() as connection:
            await connection.execute(WRITE, {"id": f"run_{len(waits) * 7919 % rows + 1}"})
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)
    await database.aclose()
    return waits


async def measure(url: str, rows: int) -> None:
    """Migrate while a writer works, and print both."""
    over = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(write_until(url, over, rows))
        seconds = await migrate(url)
        over.set()
    waits = sorted(writing.result())
    print(f"{rows:,} runs: migrated in {seconds:.0f} s")
    print(f"{len(waits)} writes meanwhile: median {waits[len(waits) // 2] * 1000:.1f} ms")
    print(f"99 of 100 within {waits[len(waits) * 99 // 100] * 1000:.0f} ms, longest {waits[-1]:.2f} s")


def main() -> None:
    """Fill, migrate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the table runs")
    rows = parser.parse_args().rows
    with running_postgres() as server:
        server.psql("CREATE DATABASE old;")
        url = parse_url(server.get_uri()).set(database="old").render_as_string()
        with patch.object(history, "_newest", lambda: OLDER):
            asyncio.run(migrate(url))
        server.psql("\\connect old\n" + FILL.replace("{rows}", str(rows)))
        asyncio.run(measure(url, rows))


if __name__ == "__main__":
    main()
