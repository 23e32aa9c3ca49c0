"""Finished requests, counted by minute and written behind."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text
from structlog.testing import capture_logs
from tests.ledger_rows import row

from vital_shared.monitoring.metrics import WORKFLOW_DURATION_SECONDS
from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database
from vital_shared.store.migrations import history
from vital_shared.store.request_count_table import request_counts
from vital_shared.store.request_counts import BUCKETS, RequestCounts
from vital_shared.store.tables import runs

NOW = datetime(2026, 11, 25, 12, 0, 30, tzinfo=UTC)
MINUTE = NOW.replace(second=0)


async def stored(database: Database) -> list[dict[str, object]]:
    async with database.connect() as connection:
        found = await connection.execute(select(request_counts).order_by(*request_counts.primary_key.columns))
        return [dict(each) for each in found.mappings()]


def test_buckets_are_named_as_prometheus_names_them() -> None:
    assert [float(each) for each in BUCKETS[:-1]] == list(WORKFLOW_DURATION_SECONDS.buckets)
    assert BUCKETS[-1] == "+Inf"


async def test_processes_add_to_the_same_minute(database: Database) -> None:
    processes = [RequestCounts(database, lambda: NOW) for _ in range(3)]
    for each in processes:
        for _ in range(100):
            each.add(
                tenant_id="acme", mode="2", outcome="success", cache_status="hit", seconds=0.5, quality=0.9
            )
        each.add(tenant_id="acme", mode="2", outcome="rejected")
    for _ in range(2):
        await asyncio.gather(*(each.flush() for each in processes))
    rejected, hits = await stored(database)
    assert (rejected["outcome"], rejected["requests"], rejected["le"]) == ("rejected", 3, "")
    assert (hits["minute"], hits["requests"], hits["scored"], hits["le"]) == (MINUTE, 300, 300, "0.5")
    assert hits["seconds"] == pytest.approx(150)
    assert hits["seconds_squared"] == pytest.approx(75)
    assert hits["quality"] == pytest.approx(270)


async def test_a_thousand_hits_are_one_write(database: Database) -> None:
    counts = RequestCounts(database, lambda: NOW)
    for _ in range(1_000):
        counts.add(tenant_id="acme", mode="2", outcome="success", cache_status="hit", seconds=0.001)
    assert len(counts._sums) == 1
    await counts.flush()
    assert [each["requests"] for each in await stored(database)] == [1_000]


async def test_counts_wait_for_a_store_that_is_away(database: Database) -> None:
    counts = RequestCounts(database, lambda: NOW)
    for name in ("acme", "globex"):
        counts.add(tenant_id=name, mode="1", outcome="failed", seconds=61)
        async with database.begin() as connection:
            await connection.execute(text("ALTER TABLE request_counts RENAME TO away"))
        with capture_logs() as logs:
            await counts.aclose()
        assert [each["event"] for each in logs] == ["request_counts_not_written"]
        async with database.begin() as connection:
            await connection.execute(text("ALTER TABLE away RENAME TO request_counts"))
    await counts.aclose()
    assert [(each["tenant_id"], each["le"]) for each in await stored(database)] == [
        ("acme", "+Inf"),
        ("globex", "+Inf"),
    ]


async def test_runs_and_hits_of_before_are_counted_by_the_migration(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(url)
    with monkeypatch.context() as older:
        older.setattr(history, "_newest", lambda: "0009")
        await database.migrate()
    base = {
        "tenant_id": "acme",
        "user_id": "ann",
        "mode": "2",
        "workflow": "w",
        "plan": "p",
        "last_seq": 0,
        "created_at": NOW,
        "deadline_at": NOW,
        "finished_at": NOW + timedelta(microseconds=7),
        "input": "{}",
    }
    answered = {"status": "completed", "duration_seconds": 2.0, "quality_score": 0.5, "cache_status": "miss"}
    many = [
        {**answered, "degraded": True},
        {**answered, "degraded": True},
        {**answered, "degraded": False, "cache_status": "hit"},  # in the ledger too
        {"status": "failed", "duration_seconds": 99.0},
        {"status": "running", "finished_at": None},
    ]
    async with database.begin() as connection:
        for number, each in enumerate(many):
            await connection.execute(insert(runs).values(**(base | each | {"id": f"run-{number}"})))
        await connection.execute(insert(ledger).values(**row(run_id=None, hits=4, mode="2", at=NOW)))
    await database.aclose()
    database = Database(url)
    await database.migrate()
    found = {
        (each["outcome"], each["cache_status"], each["le"]): (
            each["requests"],
            each["minute"],
            each["quality"],
        )
        for each in await stored(database)
    }
    assert found == {
        ("degraded", "miss", "2"): (2, MINUTE, 1.0),
        ("failed", "bypass", "+Inf"): (1, MINUTE, 0.0),
        ("success", "hit", ""): (4, MINUTE, 0.0),
    }
    await database.aclose()
