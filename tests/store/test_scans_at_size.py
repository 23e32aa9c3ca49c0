"""At 100,000 runs, 90,000 of which wait for the queue, Postgres reads no large table from end to end for what each run, or each second, does."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

import pytest
from sqlalchemy import bindparam, text
from tests.postgres_server import PostgresServer
from tests.store.test_durable_runs import LATER, NOW, Worker, let_lease_expire, take_over
from tests.store.test_runs import output

from vital_shared.models.limits import TenantLimits
from vital_shared.models.run_list import RunQuery
from vital_shared.store.background_runs import BackgroundRunStore
from vital_shared.store.database import Database
from vital_shared.store.engines import parse_url
from vital_shared.store.limits import LimitStore
from vital_shared.store.queue_turns import RUNS_IN_TURN
from vital_shared.store.run_list import RunListStore

RUNS: Final = 100_000

TENANTS: Final = 50

LARGE: Final = ("runs", "ledger", "background_runs", "reservations", "run_calls", "run_nodes")

FILL: Final = f"""
INSERT INTO runs (id, tenant_id, user_id, mode, workflow, plan, status, last_seq, created_at, deadline_at,
    finished_at, input, output, duration_seconds, owner, epoch, takeovers, is_durable, title, search_text)
SELECT 'old_' || n, 'tenant-' || n % {TENANTS}, 'ann', '2', 'w', 'p', 'completed', 9,
    timestamptz '2026-11-01' + n * interval '20 seconds', timestamptz '2026-12-01', now(),
    '{{"query": "?", "mode": "2", "tenant_id": "acme", "user_id": "ann"}}', NULL, 1.5, 'dead', 0, 0, true, 'Question ' || n, 'question ' || n
FROM generate_series(1, {RUNS}) AS n;
INSERT INTO ledger (run_id, item, tenant_id, user_id, mode, agent_id, cost_type, name, status, calls,
    input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, estimated,
    cost_nanos, saved_nanos, hits, at)
SELECT id, 'llm/1', tenant_id, 'ann', '2', '', 'llm', 'm', 'success', 1, 5, 0, 0, 5, 0, false, 9, 0, 0,
    created_at FROM runs;
INSERT INTO background_runs (run_id, tenant_id, workflow, queued_at, attempt, dispatched, cancel_requested)
SELECT id, tenant_id, 'w', created_at, 1, true, false FROM runs WHERE id LIKE 'old_%0';
INSERT INTO background_runs (run_id, tenant_id, workflow, queued_at, attempt, dispatched, cancel_requested)
SELECT id, tenant_id, 'w', created_at, 1, false, false FROM runs WHERE id NOT LIKE 'old_%0';
INSERT INTO reservations (run_id, tenant_id, cost_nanos, expires_at)
SELECT 'old_' || n, 'tenant-' || n % {TENANTS}, 5, timestamptz '2026-12-01' FROM generate_series(1, 20000) AS n;
INSERT INTO run_calls (run_id, item, epoch, charge, account, is_final)
SELECT 'old_' || n, 'llm/1', 0, NULL, '', false FROM generate_series(1, 20000) AS n;
INSERT INTO run_nodes (run_id, node, epoch, finished)
SELECT 'old_' || n, 'a', 0, '{{}}' FROM generate_series(1, 20000) AS n;
ANALYZE;
"""


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """A new database with nothing in it."""
    postgres.psql("DROP DATABASE IF EXISTS large WITH (FORCE); CREATE DATABASE large;")
    return parse_url(postgres.get_uri()).set(database="large").render_as_string()


@pytest.fixture
async def full(postgres: PostgresServer, url: str) -> AsyncIterator[None]:
    """100,000 runs that have ended."""
    database = Database(url)
    await database.migrate()
    await database.aclose()
    postgres.psql(f"\\connect large\n{FILL}")
    yield
    postgres.psql("DROP DATABASE large WITH (FORCE);")


async def test_no_large_table_is_read_from_end_to_end(full: None, postgres: PostgresServer, url: str):
    before = await sequential_scans(url)
    database = Database(url)
    one, two = Worker(database, url), Worker(database, url)
    await LimitStore(database).set("acme", TenantLimits(daily_dollars=100), now=NOW)
    await one.start("run_1")
    await one.lease._renew(database)
    await two.lease.hold()
    await let_lease_expire(database, one)
    record = await take_over(two)
    await two.note(record, a="{}")
    await two.runs.complete(
        record.id, output=output(record.id), turn=None, now=NOW, fence=two.runs.fence(record)
    )
    lists = RunListStore(database)
    for tenant in (None, "tenant-7"):
        assert len((await lists.page(RunQuery(limit=50), tenant_id=tenant, now=NOW)).runs) == 50
    background = BackgroundRunStore(database, max_queued=9)
    assert len(await background.undispatched(["w"], 200)) == 200
    await background.has_open(["w"])
    await two.runs.get("old_77", tenant_id=None, now=LATER)
    await two.runs.charges("old_77")
    await one.lease.aclose()
    await two.lease.aclose()
    await database.aclose()  # what a connection has counted is there once it is closed
    after = await sequential_scans(url)
    assert {name: after[name] - before[name] for name in LARGE} == dict.fromkeys(LARGE, 0)


async def test_the_hand_out_of_waiting_runs_steps_through_an_index(full: None, url: str):
    database = Database(url)
    values = {"workflow": "w", "limit": 200, "without": ["tenant-999"]}
    async with database.connect() as connection:
        explained = text(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {RUNS_IN_TURN.text}").bindparams(
            bindparam("without", expanding=True)
        )
        plan = [str(row[0]).strip() for row in await connection.execute(explained, values)]
    await database.aclose()
    reads = [line for line in plan if "on background_runs" in line]
    assert len(reads) == 7, plan
    assert all(
        "using ix_background_runs_turns" in each or "using pk_background_runs" in each for each in reads
    )
    rows = [float(each) for line in plan for each in re.findall(r"actual rows=([\d.]+)", line)]
    assert max(rows) <= 200 + TENANTS, "no step reads more than what is returned, and a row for each tenant"


async def sequential_scans(url: str) -> dict[str, int]:
    """Return how often each table was read from end to end."""
    database = Database(url)
    async with database.connect() as connection:
        await connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        rows = await connection.execute(text("SELECT relname, seq_scan FROM pg_stat_user_tables"))
        found = {row.relname: int(row.seq_scan) for row in rows}
    await database.aclose()
    return found
