"""Approvals: what waits, the one that expires first at the top."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from tests.run_record import run_record

from vital_shared.models.approval import ApprovalQuery
from vital_shared.models.tool import ToolCall
from vital_shared.models.workflow_io import Cost, Timings, WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.store.approvals import ApprovalStore
from vital_shared.store.database import Database
from vital_shared.store.runs import RunStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def wait(
    database: Database, run_id: str, *, tenant: str = "acme", user: str = "ann", hours: int
) -> None:
    request = WorkflowInput(query=f"May {run_id}?", mode=1, tenant_id=tenant, user_id=user)
    calls = tuple(
        ToolCall(id=f"call-{number}", name="search", arguments={}, cost_dollars=Decimal("0.01"))
        for number in (1, 2)
    )
    output = WorkflowOutput(
        run_id=run_id,
        status="awaiting_approval",
        mode=WorkflowMode.MODE_1,
        tenant_id=tenant,
        agent_id="a",
        suggested_tools=calls,
        cost=Cost(llm=Decimal("0.005")),
        timings=Timings(total_seconds=1),
    )
    store = RunStore(database)
    await store.start(run_record(request, NOW, run_id))
    assert await store.pause(
        run_id, checkpoint={}, output=output, last_seq=1, expires_at=NOW + timedelta(hours=hours), now=NOW
    )


@pytest.fixture
async def approvals(database: Database) -> ApprovalStore:
    await wait(database, "late", hours=3)
    await wait(database, "soon", user="bob", hours=1)
    await wait(database, "foreign", tenant="globex", hours=2)
    running = WorkflowInput(query="Works", mode=1, tenant_id="acme", user_id="ann")
    await RunStore(database).start(run_record(running, NOW, "running"))
    return ApprovalStore(database)


async def ids(
    approvals: ApprovalStore, tenant: str | None, now: datetime = NOW, **query: object
) -> list[str]:
    page = await approvals.page(ApprovalQuery.model_validate(query), tenant_id=tenant, now=now)
    return [each.run_id for each in page.approvals]


async def test_what_waits_is_listed_with_who_asked_and_its_cost(approvals: ApprovalStore):
    page = await approvals.page(ApprovalQuery(), tenant_id="acme", now=NOW)
    assert [(each.run_id, each.user_id, each.title) for each in page.approvals] == [
        ("soon", "bob", "May soon?"),
        ("late", "ann", "May late?"),
    ]
    assert (page.approvals[0].tools_cost_dollars, page.approvals[0].spent_dollars) == (
        Decimal("0.02"),
        Decimal("0.005"),
    )


async def test_a_tenant_sees_its_own_alone_and_an_administrator_all(approvals: ApprovalStore):
    assert await ids(approvals, None) == ["soon", "foreign", "late"]
    assert await ids(approvals, "globex") == ["foreign"]
    assert await ids(approvals, "acme", user="ann") == ["late"]


async def test_what_has_expired_or_was_decided_waits_no_more(database: Database, approvals: ApprovalStore):
    assert await ids(approvals, None, NOW + timedelta(minutes=90)) == ["foreign", "late"]
    await RunStore(database).cancel_waiting("late", tenant_id="acme", now=NOW)
    assert await ids(approvals, None) == ["soon", "foreign"]


async def test_pages_follow_each_other(approvals: ApprovalStore):
    first = await approvals.page(ApprovalQuery(limit=2), tenant_id=None, now=NOW)
    assert await ids(approvals, None, limit=2, cursor=first.next_cursor) == ["late"]


async def test_the_index_of_open_runs_finds_them(database: Database, approvals: ApprovalStore):
    if database.dialect != "sqlite":
        return  # its planner weighs the size of the table, which is none here
    async with database.connect() as connection:
        rows = await connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT * FROM runs WHERE runs.status IN ('running', 'awaiting_approval') "
                "AND status = 'awaiting_approval' AND deadline_at > '2026' ORDER BY deadline_at, id"
            )
        )
        assert "ix_runs_open_deadline_at" in str(rows.all())
