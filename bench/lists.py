"""Measure the list of runs with 100,000 of them on SQLite, and what its index adds to a run.

Run it with ``make bench``, or alone: ``.venv/bin/python bench/lists.py``.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import insert, text

from vital_shared.models.run_list import RunQuery
from vital_shared.models.workflow_names import BUILT_IN_CLASS
from vital_shared.store.database import Database
from vital_shared.store.run_list import RunListStore
from vital_shared.store.tables import runs

RUNS = 100_000
BATCH = 5_000
ROUNDS = 5
TARGET_SECONDS = 0.2
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ANSWER = '{"response": "' + "A sentence of a long answer. " * 150 + '"}'

QUERIES: dict[str, tuple[str | None, dict[str, Any]]] = {
    "first page": (None, {}),
    "first page of a tenant": ("tenant-7", {}),
    "failed": (None, {"status": ["failed"]}),
    "words in one question": (None, {"text": "number 4711 "}),
    "words in no question": (None, {"text": "nowhere"}),
    "words in no question of a tenant": ("tenant-7", {"text": "nowhere"}),
    "model, cost and duration": (None, {"model": "small", "min_cost_dollars": "0.09", "min_seconds": 9}),
    "degraded, of a user": (None, {"degraded": True, "user": "user-13"}),
    "a page far behind": (None, {"to": "2026-03-01T01:00:00Z"}),
    "with feedback": (None, {"feedback": "negative"}),
}


def _row(number: int) -> dict[str, Any]:
    question = f"What is known of the device number {number} and its class?"
    return {
        "id": f"run_{number:032x}", "tenant_id": f"tenant-{number % 20}", "user_id": f"user-{number % 97}",
        "mode": str(number % 4 + 1), "workflow": BUILT_IN_CLASS, "plan": "p",
        "status": "failed" if number % 50 == 0 else "completed", "last_seq": 9,
        "created_at": NOW + timedelta(seconds=number), "deadline_at": NOW + timedelta(seconds=number + 60),
        "finished_at": NOW + timedelta(seconds=number + 9),
        "input": f'{{"query": "{question}"}}', "output": ANSWER,
        "duration_seconds": number % 100 / 10, "degraded": number % 11 == 0,
        "model": ("openai:large", "local:small")[number % 2], "cost_nanos": number % 1000 * 100_000,
        "title": question, "search_text": question.casefold(),
    }  # fmt: skip


async def _fill(database: Database) -> None:
    for start in range(0, RUNS, BATCH):
        async with database.begin() as connection:
            await connection.execute(insert(runs), [_row(number) for number in range(start, start + BATCH)])


async def _measure(database: Database) -> bool:
    store, met = RunListStore(database), True
    for name, (tenant, given) in QUERIES.items():
        query, times = RunQuery.model_validate(given), []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            page = await store.page(query, tenant_id=tenant, now=NOW)
            times.append(time.perf_counter() - started)
        seconds = sorted(times)[ROUNDS // 2]
        met &= seconds <= TARGET_SECONDS
        print(f"{name:35} {seconds * 1000:7.1f} ms  {len(page.runs):3} runs")
    return met


async def _main() -> bool:
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite+aiosqlite:///{Path(folder) / 'vital.db'}")
        await database.migrate()
        await _fill(database)
        met = await _measure(database)
        async with database.connect() as connection:
            pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        print(
            f"{RUNS:,} runs, {pages * 4096 / 1e6:,.0f} MB; "
            f"target: {TARGET_SECONDS * 1000:.0f} ms, median of {ROUNDS}"
        )
        await database.aclose()
        return met


if __name__ == "__main__":
    sys.exit(not asyncio.run(_main()))
