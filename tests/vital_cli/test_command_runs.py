"""`vital runs list` and `vital approvals`."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.run_record import run_record
from tests.store.test_model_calls import call

from vital_shared.models.tool import ToolCall
from vital_shared.models.workflow_io import Cost, Timings, WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.store.database import Database
from vital_shared.store.model_calls import store_model_calls
from vital_shared.store.runs import RunStore

TOMORROW = datetime.now(UTC) + timedelta(days=1)


async def _fill(path) -> None:
    database = Database(f"sqlite+aiosqlite:///{path}")
    await database.migrate()
    runs, now = RunStore(database), datetime.now(UTC)
    for number, (tenant, query) in enumerate(
        (("acme", "Pacemakers?"), ("globex", "Stents?"), ("acme", "A sum?"))
    ):
        request = WorkflowInput(query=query, mode=1, tenant_id=tenant, user_id="ann")
        await runs.start(run_record(request, now + timedelta(seconds=number), f"run_{number}"))
        known = {"run_id": f"run_{number}", "mode": WorkflowMode.MODE_1, "tenant_id": tenant, "agent_id": "a", "timings": Timings(total_seconds=2)}  # fmt: skip
        if number < 2:
            done = WorkflowOutput(status="completed", model="canned", cost=Cost(llm=Decimal("0.25")), **known)
            await runs.complete(f"run_{number}", output=done, turn=None, now=now)
        else:
            call = ToolCall(id="call-1", name="calculator", arguments={}, cost_dollars=Decimal("0.01"))
            waiting = WorkflowOutput(status="awaiting_approval", suggested_tools=(call,), **known)
            await runs.pause("run_2", checkpoint={}, output=waiting, last_seq=1, expires_at=TOMORROW, now=now)
    await database.aclose()


@pytest.fixture
def filled(empty_dir):
    asyncio.run(_fill(empty_dir / "vital.db"))


def ids(vital, *options: str) -> list[str]:
    return [run["id"] for run in json.loads(vital("runs", "list", "--json", *options).stdout)["runs"]]


def test_runs_are_a_table_with_the_newest_first(vital, filled):
    lines = vital("runs", "list").stdout.splitlines()
    rows = [line.split() for line in lines if line.strip().startswith("run_")]
    assert [row[0] for row in rows] == ["run_2", "run_1", "run_0"]
    assert rows[1][-3:] == ["2.00", "0.25", "Stents?"]


def test_the_table_has_the_names_by_which_workflows_are_selected(vital, filled):
    lines = vital("runs", "list").stdout.splitlines()
    at = next(line.index("workflow") for line in lines if "workflow" in line)
    (name,) = {line[at:].split()[0] for line in lines if line.strip().startswith("run_")}
    assert ids(vital, "--workflow", name) == ["run_2", "run_1", "run_0"]


def test_options_select_runs(vital, filled):
    assert ids(vital, "--tenant", "acme") == ["run_2", "run_0"]
    assert ids(vital, "--text", "pacem", "--min-cost", "0.2") == ["run_0"]
    assert ids(vital, "--status", "awaiting_approval") == ["run_2"]
    assert ids(vital, "--workflow", "w", "--limit", "1") == ["run_2"]
    assert ids(vital, "--workflow", "base-workflow") == []
    assert "no such runs" in vital("runs", "list", "--user", "bob").stderr


def test_a_wrong_option_is_named(vital, filled):
    failed = vital("runs", "list", "--mode", "7")
    assert failed.exit_code == 2
    assert "mode" in failed.stderr


def test_approvals_show_what_waits_and_its_cost(vital, filled):
    row = next(line for line in vital("approvals").stdout.splitlines() if "run_2" in line)
    assert "calculator (call-1)" in row
    assert "0.01" in row
    assert json.loads(vital("approvals", "--json").stdout)["approvals"][0]["run_id"] == "run_2"
    assert "Nothing waits" in vital("approvals", "--tenant", "globex").stderr


async def _store_calls(path) -> None:
    database = Database(f"sqlite+aiosqlite:///{path}")
    async with database.begin() as connection:
        await connection.run_sync(store_model_calls, "run_0", [call("llm/1", "Yes."), call("llm/2", "No.")])
    await database.aclose()


def test_calls_of_models_are_listed_and_shown(vital, filled, empty_dir):
    asyncio.run(_store_calls(empty_dir / "vital.db"))
    lines = vital("runs", "calls", "run_0").stdout.splitlines()
    assert [line.split()[:4] for line in lines if "llm/" in line] == [
        ["llm/1", "answer", "openai:m", "success"],
        ["llm/2", "answer", "openai:m", "success"],
    ]
    shown = vital("runs", "calls", "run_0", "--call", "llm/2")
    assert shown.stdout == "May it?\nNo.\n"
    listed = json.loads(vital("runs", "calls", "run_0", "--json").stdout)
    assert [each["answer"] for each in listed["calls"]] == ["Yes.", "No."]
    assert listed["not_stored"] == 0


def test_a_run_or_a_call_that_is_not_there_is_named(vital, filled):
    assert "The run has called no model" in vital("runs", "calls", "run_1").stderr
    assert "There is no run run_9" in vital("runs", "calls", "run_9").stderr
    failed = vital("runs", "calls", "run_1", "--call", "llm/1")
    assert failed.exit_code != 0
    assert "No call llm/1 is stored" in failed.stderr
