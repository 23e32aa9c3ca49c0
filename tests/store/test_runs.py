from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import text

from vital_shared.errors import AlreadyResumed, InvalidRequest, NotFound, RunExpired, StoreError
from vital_shared.models.message import Message
from vital_shared.models.tool import ToolCall
from vital_shared.models.workflow_io import Cost, Timings, WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.store.conversations import ConversationStore, Turn
from vital_shared.store.database import Database
from vital_shared.store.runs import RunRecord, RunStore

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
TOMORROW = NOW + timedelta(days=1)
CHECKPOINT = {"values": {"agent": {"id": "expert"}, "tools": [1, 2.5, None, "ü\x00"]}}


@pytest.fixture
def runs(database: Database) -> RunStore:
    return RunStore(database)


def record(run_id: str = "run-1", **fields: object) -> RunRecord:
    asked = WorkflowInput(
        query="May it?\x00",
        mode=3,
        tenant_id="acme",
        user_id="u",
        max_cost_dollars=Decimal("0.10"),
        metadata={"a": [1]},
    )
    known = {
        "id": run_id,
        "tenant_id": "acme",
        "user_id": "u",
        "mode": WorkflowMode.MODE_3,
        "workflow": "vital_shared.workflows.BaseWorkflow",
        "plan": "abc",
        "input": asked,
        "created_at": NOW,
        "deadline_at": LATER,
    }
    return RunRecord(**known | fields)


def output(run_id: str = "run-1", status: str = "completed") -> WorkflowOutput:
    return WorkflowOutput(
        run_id=run_id,
        status=status,
        mode=WorkflowMode.MODE_3,
        tenant_id="acme",
        agent_id="expert",
        response="Yes [1].",
        suggested_tools=(
            ToolCall(id="1", name="calculator", arguments={"x": 1}, cost_dollars=Decimal("0.0000001")),
        ),
        cost=Cost(llm=Decimal("0.1"), tools=Decimal("0.2")),
        timings=Timings(total_seconds=1.5),
    )


def turn(session: str = "s", tenant: str = "acme", question: str = "May it?", answer: str = "Yes.") -> Turn:
    return Turn(session_id=session, tenant_id=tenant, user_id="u", question=question, answer=answer)


async def pause(runs: RunStore, run_id: str = "run-1", expires_at: datetime = TOMORROW) -> bool:
    waiting = output(run_id, "awaiting_approval")
    return await runs.pause(
        run_id, checkpoint=CHECKPOINT, output=waiting, last_seq=7, expires_at=expires_at, now=NOW
    )


async def paused(runs: RunStore, run_id: str = "run-1", **fields: object) -> None:
    await runs.start(record(run_id, **fields))
    assert await pause(runs, run_id)


async def fail(runs: RunStore, status: str = "failed") -> bool:
    return await runs.fail(
        "run-1", status=status, error_type="model", message="No model.", node="answer", now=NOW
    )


async def test_a_started_run_is_read_back(runs: RunStore):
    await runs.start(record())
    assert await runs.get("run-1", tenant_id="acme", now=NOW) == record()
    assert await runs.get("run-1", tenant_id=None, now=NOW) == record()


async def test_a_record_with_everything_is_read_back(runs: RunStore):
    whole = record(
        status="failed",
        output=output(),
        checkpoint=CHECKPOINT,
        last_seq=3,
        error_type="t",
        error_message="m",
        error_node="n",
        finished_at=NOW,
    )
    await runs.start(whole)
    assert await runs.get("run-1", tenant_id="acme") == whole


async def test_times_are_utc_whatever_zone_they_came_in(runs: RunStore):
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-7)))
    await runs.start(record(created_at=elsewhere))
    created = (await runs.get("run-1", tenant_id="acme", now=NOW)).created_at
    assert created == NOW
    assert created.utcoffset() == timedelta(0)


async def test_a_time_without_a_zone_is_refused(runs: RunStore):
    with pytest.raises(StoreError, match="aware of its time zone"):
        await runs.start(record(created_at=NOW.replace(tzinfo=None)))


async def test_metadata_that_is_not_json_is_named(runs: RunStore):
    asked = record().input.model_copy(update={"metadata": {"x": object()}})
    with pytest.raises(InvalidRequest, match="may hold only JSON") as caught:
        await runs.start(record(input=asked))
    assert caught.value.field == "metadata"


async def test_a_run_is_its_tenants_alone(runs: RunStore):
    await paused(runs)
    with pytest.raises(NotFound, match="no run run-1") as caught:
        await runs.get("run-1", tenant_id="globex")
    assert caught.value.field == "run_id"
    with pytest.raises(NotFound):
        await runs.claim("run-1", tenant_id="globex", now=NOW, deadline_at=LATER)
    assert not await runs.cancel_waiting("run-1", tenant_id="globex", now=NOW)
    assert (await runs.get("run-1", tenant_id="acme", now=NOW)).status == "awaiting_approval"


async def test_a_paused_run_waits_with_its_checkpoint(runs: RunStore):
    await paused(runs)
    waiting = await runs.get("run-1", tenant_id="acme", now=LATER)
    assert waiting.status == "awaiting_approval"
    assert waiting.checkpoint == CHECKPOINT
    assert waiting.output == output(status="awaiting_approval")
    assert (waiting.last_seq, waiting.deadline_at) == (7, TOMORROW)
    assert await pause(runs), "it is the same pause, which the store may not have confirmed"
    assert not await pause(runs, expires_at=LATER), "it is no longer running"


async def test_a_claimed_run_runs_again_until_its_new_deadline(runs: RunStore):
    await paused(runs)
    claimed = await runs.claim("run-1", tenant_id="acme", now=LATER, deadline_at=TOMORROW)
    assert (claimed.status, claimed.deadline_at, claimed.last_seq) == ("running", TOMORROW, 7)
    assert claimed.checkpoint == CHECKPOINT
    assert claimed.input == record().input
    assert await pause(runs), "it may pause again"
    assert (await runs.claim("run-1", tenant_id=None, now=LATER, deadline_at=TOMORROW)).status == "running"


async def test_of_twenty_who_claim_on_two_replicas_one_wins(database: Database, other: Database):
    stores = RunStore(database), RunStore(other)
    await paused(stores[0])
    results = await asyncio.gather(
        *(stores[n % 2].claim("run-1", tenant_id="acme", now=NOW, deadline_at=LATER) for n in range(20)),
        return_exceptions=True,
    )
    winners = [result for result in results if isinstance(result, RunRecord)]
    losers = [result for result in results if isinstance(result, AlreadyResumed)]
    assert (len(winners), len(losers)) == (1, 19)
    assert losers[0].field == "run_id"
    assert "its status is running" in losers[0].message


async def test_a_claim_after_the_expiry_comes_too_late(runs: RunStore):
    await paused(runs)
    for swept in (0, 1):
        with pytest.raises(RunExpired, match="until 2026-03-02 12:00 UTC: ask again"):
            await runs.claim("run-1", tenant_id="acme", now=TOMORROW, deadline_at=TOMORROW)
        if not swept:
            assert len(await runs.sweep(TOMORROW)) == 1


async def test_claims_of_what_is_not_there_or_has_ended(runs: RunStore):
    with pytest.raises(NotFound):
        await runs.claim("run-1", tenant_id="acme", now=NOW, deadline_at=LATER)
    await paused(runs)
    assert await runs.cancel_waiting("run-1", tenant_id="acme", now=NOW)
    with pytest.raises(AlreadyResumed, match="its status is cancelled"):
        await runs.claim("run-1", tenant_id="acme", now=NOW, deadline_at=LATER)


async def test_a_completed_run_has_its_output_and_adds_to_the_conversation(
    runs: RunStore, database: Database
):
    await paused(runs)
    await runs.claim("run-1", tenant_id="acme", now=NOW, deadline_at=LATER)
    assert await runs.complete("run-1", output=output(), turn=turn(), now=LATER)
    ended = await runs.get("run-1", tenant_id="acme", now=TOMORROW)
    assert (ended.status, ended.finished_at, ended.checkpoint) == ("completed", LATER, None)
    assert ended.output == output()
    assert ended.output.cost.total == Decimal("0.3")
    assert ended.output.suggested_tools[0].cost_dollars == Decimal("0.0000001")
    history = await ConversationStore(database).history("s", tenant_id="acme", limit=10)
    assert history == (Message(role="user", content="May it?"), Message(role="assistant", content="Yes."))


async def test_completing_again_changes_nothing(runs: RunStore, database: Database):
    await runs.start(record())
    assert await runs.complete("run-1", output=output(), turn=turn(), now=NOW)
    assert not await runs.complete("run-1", output=output(), turn=turn(answer="No."), now=LATER)
    assert not await fail(runs)
    assert not await pause(runs)
    assert (await runs.get("run-1", tenant_id="acme")).finished_at == NOW
    assert len(await ConversationStore(database).history("s", tenant_id="acme", limit=10)) == 2
    assert not await runs.complete("unknown", output=output(), turn=turn(), now=NOW)


async def test_of_many_who_complete_at_once_one_does(database: Database, other: Database):
    stores = RunStore(database), RunStore(other)
    await stores[0].start(record())
    results = await asyncio.gather(
        *(stores[n % 2].complete("run-1", output=output(), turn=turn(), now=NOW) for n in range(10))
    )
    assert sum(results) == 1
    assert len(await ConversationStore(other).history("s", tenant_id="acme", limit=10)) == 2


async def test_a_turn_goes_to_its_tenants_session(runs: RunStore, database: Database):
    await runs.start(record("run-0", tenant_id="globex"))
    await runs.complete("run-0", output=output("run-0"), turn=turn(tenant="globex"), now=NOW)
    await runs.start(record())
    assert await runs.complete("run-1", output=output(), turn=turn(question="And it?"), now=NOW)
    conversations = ConversationStore(database)
    for tenant, question in (("globex", "May it?"), ("acme", "And it?")):
        first, _ = await conversations.history("s", tenant_id=tenant, limit=10)
        assert first.content == question


@pytest.mark.parametrize("status", ["failed", "cancelled"])
async def test_a_failed_run_says_why_and_keeps_no_checkpoint(runs: RunStore, status: str):
    await paused(runs)
    assert not await fail(runs, status), "it does not run"
    await runs.claim("run-1", tenant_id="acme", now=NOW, deadline_at=LATER)
    assert await fail(runs, status)
    ended = await runs.get("run-1", tenant_id="acme")
    assert (ended.status, ended.error_type, ended.error_message) == (status, "model", "No model.")
    assert (ended.error_node, ended.finished_at) == ("answer", NOW)
    assert (ended.checkpoint, ended.output) == (None, None)


async def test_a_waiting_run_is_cancelled_once(runs: RunStore):
    await runs.start(record())
    assert not await runs.cancel_waiting("run-1", tenant_id="acme", now=NOW), "it runs"
    await pause(runs)
    assert not await runs.cancel_waiting("run-1", tenant_id="acme", now=TOMORROW), "it has expired"
    assert await runs.cancel_waiting("run-1", tenant_id="acme", now=NOW)
    assert not await runs.cancel_waiting("run-1", tenant_id=None, now=NOW)
    ended = await runs.get("run-1", tenant_id="acme")
    assert (ended.status, ended.finished_at, ended.checkpoint) == ("cancelled", NOW, None)


async def test_what_is_read_before_and_after_a_sweep_is_the_same(runs: RunStore):
    await runs.start(record("lost"))
    await paused(runs, "waits")
    early = [await runs.get(run_id, tenant_id="acme", now=TOMORROW) for run_id in ("lost", "waits")]
    assert len(await runs.sweep(TOMORROW)) == 2
    assert await runs.sweep(TOMORROW) == ()
    swept = [await runs.get(run_id, tenant_id="acme", now=TOMORROW) for run_id in ("lost", "waits")]
    assert early == swept
    assert [run.status for run in swept] == ["failed", "expired"]
    assert [run.finished_at for run in swept] == [LATER, TOMORROW]
    assert [run.checkpoint for run in swept] == [None, None]
    assert (swept[0].error_type, swept[1].error_type) == ("lost", None)
    assert swept[0].error_message == "The worker that ran it died."


async def test_a_sweep_leaves_what_is_in_time_or_has_ended(runs: RunStore):
    await runs.start(record("runs"))
    await paused(runs, "waits")
    await runs.start(record("done"))
    await runs.complete("done", output=output("done"), turn=None, now=NOW)
    assert await runs.sweep(LATER - timedelta(microseconds=1)) == ()
    assert len(await runs.sweep(LATER)) == 1
    statuses = [(await runs.get(i, tenant_id=None, now=NOW)).status for i in ("runs", "waits", "done")]
    assert statuses == ["failed", "awaiting_approval", "completed"]


async def test_fifty_runs_at_once_all_start_and_complete(database: Database, other: Database):
    stores = RunStore(database), RunStore(other)

    async def chat(n: int) -> None:
        store, run_id = stores[n % 2], f"run-{n}"
        await store.start(record(run_id))
        said = turn(f"s{n % 5}", question=f"question {n}", answer=f"answer {n}")
        assert await store.complete(run_id, output=output(run_id), turn=said, now=NOW)

    async with asyncio.TaskGroup() as group:
        for n in range(50):
            group.create_task(chat(n))
    histories = [
        await ConversationStore(database).history(f"s{n}", tenant_id="acme", limit=100) for n in range(5)
    ]
    assert [len(history) for history in histories] == [20] * 5
    for history in histories:
        for asked, answered in zip(history[::2], history[1::2], strict=True):
            assert (asked.role, answered.role) == ("user", "assistant")
            assert asked.content.removeprefix("question") == answered.content.removeprefix("answer")


async def test_a_stored_run_that_does_not_fit_is_named(runs: RunStore, database: Database):
    await runs.start(record())
    async with database.begin() as connection:
        await connection.execute(text("UPDATE runs SET input = '{'"))
    with pytest.raises(StoreError, match=r"A stored WorkflowInput cannot be read \(at its start\)"):
        await runs.get("run-1", tenant_id="acme")
