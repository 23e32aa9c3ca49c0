"""Lists of runs: filtered, paged, and found within an index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, text

from vital_shared.errors import InvalidRequest
from vital_shared.models.feedback import FeedbackInput
from vital_shared.models.run_list import RunQuery
from vital_shared.models.workflow_io import Cost, Timings, WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.store.database import Database
from vital_shared.store.feedback import FeedbackStore
from vital_shared.store.run_list import RunListStore
from vital_shared.store.runs import RunRecord, RunStore
from vital_shared.store.tables import runs as runs_table

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def record(number: int, query: str = "May it?", *, tenant: str = "acme", **fields: object) -> RunRecord:
    asked = WorkflowInput(query=query, mode=2, tenant_id=tenant, user_id="ann")
    known = {
        "id": f"run-{number}",
        "tenant_id": tenant,
        "user_id": "ann",
        "mode": WorkflowMode.MODE_2,
        "workflow": "office.Letters",
        "plan": "p",
        "input": asked,
        "created_at": NOW + timedelta(seconds=number),
        "deadline_at": NOW + timedelta(minutes=5),
    }
    return RunRecord(**known | fields)


def output(number: int, cost: str = "0.1", model: str = "openai:gpt", **fields: object) -> WorkflowOutput:
    known = {
        "run_id": f"run-{number}",
        "status": "completed",
        "mode": WorkflowMode.MODE_2,
        "tenant_id": "acme",
        "agent_id": "expert",
        "model": model,
        "cost": Cost(llm=Decimal(cost)),
        "timings": Timings(total_seconds=float(number)),
    }
    return WorkflowOutput(**known | fields)


@pytest.fixture
async def lists(database: Database) -> RunListStore:
    """Four runs: completed, degraded, failed, and one of another tenant that still runs."""
    store = RunStore(database)
    await store.start(record(1, "Is a pacemaker\n class III?"))
    await store.complete("run-1", output=output(1), turn=None, now=NOW)
    await store.start(record(2, "Größe des STENTS"))
    degraded = output(2, "0.5", "local:qwen", degradation_reasons=("no_sources",))
    await store.complete("run-2", output=degraded, turn=None, now=NOW)
    await store.start(record(3, "50 % of_it", user_id="bob", mode=WorkflowMode.MODE_4))
    await store.fail(
        "run-3", status="failed", error_type="model", message="No.", node=None, now=NOW, seconds=9
    )
    await store.start(record(4, tenant="globex", workflow="other.Flow"))
    return RunListStore(database)


async def found(lists: RunListStore, tenant: str | None = None, **query: object) -> list[str]:
    page = await lists.page(RunQuery.model_validate(query), tenant_id=tenant, now=NOW)
    return [run.id.removeprefix("run-") for run in page.runs]


async def test_the_newest_runs_come_first_with_what_is_known_of_them(lists: RunListStore):
    page = await lists.page(RunQuery(), tenant_id=None, now=NOW)
    assert [run.id for run in page.runs] == ["run-4", "run-3", "run-2", "run-1"]
    assert page.next_cursor is None
    oldest = page.runs[-1]
    assert (oldest.title, oldest.model, oldest.cost_dollars) == (
        "Is a pacemaker class III?",
        "openai:gpt",
        Decimal("0.1"),
    )
    assert (oldest.status, oldest.degraded, oldest.duration_seconds) == ("completed", False, 1.0)
    assert page.runs[0].cost_dollars is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "failed"}, "3"),
        ({"status": "running,completed"}, "421"),
        ({"workflow": "other.Flow"}, "4"),
        ({"mode": "4"}, "3"),
        ({"user": "bob"}, "3"),
        ({"model": "qwen"}, "2"),
        ({"degraded": "true"}, "2"),
        ({"degraded": "false"}, "1"),
        ({"text": "PACEMAKER  class"}, "1"),
        ({"text": "grösse des stents"}, "2"),
        ({"text": "GRÖSSE"}, "2"),
        ({"text": "% of_"}, "3"),
        ({"text": "%"}, "3"),
        ({"text": "run-2"}, "2"),
        ({"text": "no\0thing"}, ""),
        ({"min_cost_dollars": "0.2"}, "2"),
        ({"max_cost_dollars": "0.1"}, "1"),
        ({"min_seconds": 2, "max_seconds": 8}, "2"),
        ({"from": "2026-03-01T12:00:03Z"}, "43"),
        ({"to": "2026-03-01T12:00:02Z"}, "1"),
        ({"status": "completed", "model": "qwen", "degraded": True}, "2"),
    ],
)
async def test_each_filter_finds_its_runs(lists: RunListStore, query: dict, expected: str):
    assert await found(lists, **query) == list(expected)


async def test_a_tenant_sees_its_own_alone(lists: RunListStore):
    assert await found(lists, "acme") == ["3", "2", "1"]
    assert await found(lists, "globex", text="may") == ["4"]
    assert await found(lists, "nobody") == []


async def test_pages_follow_each_other_though_runs_are_added_and_share_a_moment(
    database: Database, lists: RunListStore
):
    same = {"created_at": NOW}
    for number in (10, 11, 12):
        await RunStore(database).start(record(number, **same))
    seen: list[str] = []
    cursor = None
    for number in range(20, 24):  # 7 runs: 2, 2, 2 and 1
        query = RunQuery(limit=2, cursor=cursor)
        page = await lists.page(query, tenant_id=None, now=NOW)
        seen += [run.id.removeprefix("run-") for run in page.runs]
        cursor = page.next_cursor
        await RunStore(database).start(record(number))
    assert cursor is None
    assert seen == ["4", "3", "2", "1", "12", "11", "10"]


@pytest.mark.parametrize("cursor", ["", "x", "MQ", "bm90aGluZyBoZXJl", "\0", "ü", "MjAyNi0wMy0wMSB4"])
async def test_a_made_up_cursor_is_refused(lists: RunListStore, cursor: str):
    with pytest.raises(InvalidRequest, match="cursor"):
        await lists.page(RunQuery(cursor=cursor), tenant_id=None, now=NOW)


async def test_a_run_past_its_deadline_is_listed_as_the_sweep_will_leave_it(lists: RunListStore):
    later = NOW + timedelta(hours=1)
    page = await lists.page(RunQuery(status=["failed"]), tenant_id=None, now=later)
    assert [(run.id, run.status, run.error_type) for run in page.runs] == [
        ("run-4", "failed", "lost"),
        ("run-3", "failed", "model"),
    ]
    running = await lists.page(RunQuery(status=["running"]), tenant_id=None, now=later)
    assert running.runs == ()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("any", "321"), ("none", "4"), ("positive", "1"), ("negative", "2"), ("correction", "3")],
)
async def test_runs_are_found_by_their_feedback(
    database: Database, lists: RunListStore, wanted: str, expected: str
):
    store = FeedbackStore(database)
    for run_id, kind, value in (
        ("run-1", "boolean", True),
        ("run-2", "boolean", False),
        ("run-3", "correction", "Yes."),
    ):
        await store.give(run_id, FeedbackInput(kind=kind, value=value), tenant_id=None, now=NOW)
    assert await found(lists, feedback=wanted) == list(expected)


async def test_filters_are_applied_within_the_index(database: Database, lists: RunListStore):
    if database.dialect != "sqlite":
        return  # its planner weighs the size of the table, which is none here
    for tenant in (None, "acme"):
        plan = await _plan(database, lists, tenant)
        assert any("COVERING INDEX ix_runs" in line for line in plan), plan
        assert not any("SCAN runs" in line and "INDEX" not in line for line in plan), plan


async def _plan(database: Database, lists: RunListStore, tenant: str | None) -> Sequence[str]:
    query = RunQuery(text="x", degraded=True, model="m", min_cost_dollars=Decimal(1), min_seconds=1)
    statement = lists.statement(query, tenant_id=tenant, now=NOW)
    async with database.connect() as connection:
        compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
        values = tuple(compiled.params[name] for name in compiled.positiontup or ())
        rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", tuple(map(str, values)))
        return [row[-1] for row in rows]


async def test_old_runs_are_described_by_the_migration(url: str, monkeypatch: pytest.MonkeyPatch):
    from vital_shared.store.migrations import history

    database = Database(url)
    with monkeypatch.context() as older:
        older.setattr(history, "_newest", lambda: "0023")
        await database.migrate()
    async with database.begin() as connection:
        for number, asked in enumerate(("Why\\n NOT?", "a\\u0000b \\ud800", "")):
            row = {
                "id": f"run-{number}",
                "tenant_id": "acme", "user_id": "u", "mode": "2", "workflow": "w", "plan": "p",
                "status": "completed", "last_seq": 0, "created_at": NOW, "deadline_at": NOW,
                "input": f'{{"query": "{asked}"}}', "output": '{"model": "m"}' if number else "no JSON",
            }  # fmt: skip
            await connection.execute(insert(runs_table).values(row))
    await database.aclose()
    database = Database(url)
    await database.migrate()
    async with database.connect() as connection:
        rows = (
            await connection.execute(text("SELECT title, search_text, model FROM runs ORDER BY id"))
        ).all()
    assert [tuple(row) for row in rows] == [
        ("Why NOT?", "why not?", None),
        ("a\ufffdb ?", "a\ufffdb ?", "m"),
        ("", "", "m"),
    ]
    await database.aclose()
