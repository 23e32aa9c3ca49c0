"""Which runs live, and for how long: by an injected clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message
from structlog.testing import capture_logs
from tests.ai_engine.harness import SUM, SteppedModel

from ai_engine.api.run_requests import until_begun, until_ended
from ai_engine.api.streams import EventStreamResponse
from ai_engine.runs.fair_slots import EngineBusy, FairSlots
from ai_engine.runs.hub import LiveRun, RunHub
from vital_shared.models.event import Event, RunFailedEvent, RunFinished
from vital_shared.testing import question, workflow_services
from vital_shared.workflows.base_workflow import BaseWorkflow


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def workflow(tmp_path, model: SteppedModel) -> AsyncIterator[BaseWorkflow]:
    async with workflow_services(tmp_path, models=[model]) as services:
        yield BaseWorkflow(services)


@pytest.fixture
async def hub(clock: Clock, workflow: BaseWorkflow) -> AsyncIterator[RunHub]:
    async with asyncio.TaskGroup() as tasks:
        hub = RunHub(
            tasks,
            logs=workflow.services.logs,
            slots=FairSlots(2, max_waiting=0, wait_seconds=30, work="runs"),
            weight_of=workflow.services.limits.weight,
            grace_seconds=10,
            retention_seconds=300,
            clock=clock,
        )
        yield hub
        hub.stop()


async def started(hub: RunHub, workflow: BaseWorkflow, query: str = "Why?", **fields: object) -> LiveRun:
    asked = question(query, **{"model": "stepped"} | fields)
    run = await hub.start(lambda: workflow.begin(asked), tenant_id="acme")
    await run.begun()
    return run


async def test_a_run_that_nobody_reads_is_cancelled_after_the_grace_time(
    hub: RunHub, workflow: BaseWorkflow, clock: Clock
) -> None:
    run = await started(hub, workflow)
    clock.now += 9.9
    await hub.tick()
    clock.now += 0.1
    await hub.tick()
    await hub.tick()
    await run.ended.wait()
    assert isinstance(run.log.outcome, RunFailedEvent)
    assert run.log.outcome.error_type == "client_gone"
    assert (await workflow.services.runs.get(run.run_id, tenant_id=None)).status == "cancelled"


async def test_a_reader_keeps_it_alive_and_the_time_begins_again_when_it_leaves(
    hub: RunHub, workflow: BaseWorkflow, clock: Clock, model: SteppedModel
) -> None:
    run = await started(hub, workflow)
    with run.reading():
        clock.now += 3_600
        await hub.tick()
        with run.reading():
            pass
        clock.now += 3_600
        await hub.tick()
    clock.now += 9
    await hub.tick()
    model.finish()
    await run.ended.wait()
    assert isinstance(run.log.outcome, RunFinished)


async def wait_for_the_end(request: Request, run: LiveRun) -> None:
    await until_begun(request, run)
    await until_ended(request, None, run)  # the run stays here: no engine is asked for another


async def read_the_events(request: Request, run: LiveRun) -> None:
    await until_begun(request, run)
    response = EventStreamResponse(run.follow, run_id=run.run_id, tenant_id="acme", heartbeat_seconds=60)

    async def send(_message: Message) -> None:
        await asyncio.sleep(0)

    await response(request.scope, request.receive, send)


@pytest.mark.parametrize("client", [wait_for_the_end, read_the_events])
async def test_a_client_that_is_there_is_a_reader_however_slow_the_process_is(
    hub: RunHub,
    workflow: BaseWorkflow,
    clock: Clock,
    model: SteppedModel,
    client: Callable[[Request, LiveRun], Awaitable[None]],
) -> None:
    async def be_slow() -> None:
        while True:
            clock.now += 60
            await hub.tick()
            await asyncio.sleep(0)

    async def receive() -> Message:
        return await asyncio.get_running_loop().create_future()

    slow = asyncio.create_task(be_slow())
    model.finish()
    asked = question("Why?", model="stepped")
    run = await hub.start(lambda: workflow.begin(asked), tenant_id="acme")
    await client(Request({"type": "http"}, receive), run)
    slow.cancel()
    assert isinstance(run.log.outcome, RunFinished)


async def test_events_are_kept_for_the_retention_time(
    hub: RunHub, workflow: BaseWorkflow, clock: Clock, model: SteppedModel
) -> None:
    model.finish()
    run = await started(hub, workflow)
    await run.ended.wait()
    clock.now += 300
    await hub.tick()
    assert hub.find(run.run_id) is run
    clock.now += 1
    await hub.tick()
    assert hub.find(run.run_id) is None


async def test_the_oldest_events_are_dropped_when_there_are_too_many(
    hub: RunHub, workflow: BaseWorkflow, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    for _ in range(3):
        clock.now += 1
        run = await started(hub, workflow, "2 + 2 = ?", model=None)
        await run.ended.wait()
        runs.append(run)
    monkeypatch.setattr("ai_engine.runs.hub.RETAINED_BYTES", runs[1].log.memory + runs[2].log.memory)
    await hub.tick()
    assert [hub.find(run.run_id) for run in runs] == [None, runs[1], runs[2]]


async def test_no_more_than_the_limit_run_at_once(
    hub: RunHub, workflow: BaseWorkflow, model: SteppedModel
) -> None:
    runs = [await started(hub, workflow) for _ in range(2)]
    with pytest.raises(EngineBusy, match="2 runs, its limit"):
        await started(hub, workflow)
    runs[0].cancel()
    await runs[0].ended.wait()
    await asyncio.sleep(0)
    assert hub.active == 1
    await started(hub, workflow)


async def test_a_run_that_waits_for_approval_takes_no_place_and_is_not_cancelled(
    hub: RunHub, workflow: BaseWorkflow, clock: Clock
) -> None:
    run = await started(hub, workflow, SUM, mode=1)
    await run.ended.wait()
    clock.now += 100
    await hub.tick()
    await hub.paused(run.run_id)
    assert (run.is_paused, hub.active) == (True, 0)
    assert (await workflow.services.runs.get(run.run_id, tenant_id=None)).status == "awaiting_approval"


async def test_a_run_that_is_cancelled_before_it_has_begun_ends_cancelled(
    hub: RunHub, workflow: BaseWorkflow
) -> None:
    run = await hub.start(lambda: workflow.begin(question("Why?", model="stepped")), tenant_id="acme")
    run.cancel()
    run.cancel()
    await run.ended.wait()
    assert isinstance(run.log.outcome, RunFailedEvent)
    assert (await workflow.services.runs.get(run.run_id, tenant_id=None)).status == "cancelled"


async def test_stopping_ends_the_runs_and_begins_no_more(hub: RunHub, workflow: BaseWorkflow) -> None:
    run = await started(hub, workflow)
    hub.stop()
    await run.ended.wait()
    assert isinstance(run.log.outcome, RunFailedEvent)
    assert run.log.outcome.error_type == "shutting_down"
    assert (await workflow.services.runs.get(run.run_id, tenant_id=None)).status == "failed"
    with pytest.raises(EngineBusy, match="shutting down"):
        await started(hub, workflow)


async def test_a_run_that_breaks_off_takes_no_other_along(
    hub: RunHub, workflow: BaseWorkflow, model: SteppedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await started(hub, workflow)
    run = await started(hub, workflow)

    def broken(_: object) -> None:
        raise OSError("the log is broken")

    monkeypatch.setattr(run.log, "append", broken)
    model.finish()
    model.finish()
    await run.ended.wait()
    assert "broke off: OSError" in str(run.error)
    await other.ended.wait()
    assert isinstance(other.log.outcome, RunFinished)


async def test_a_cancellation_is_logged_once_however_long_the_run_takes_to_end(
    hub: RunHub, workflow: BaseWorkflow, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    caplog.set_level("INFO", "ai_engine.runs.hub")
    storing = asyncio.Event()
    store = workflow.services.runs.fail

    async def slow(*args: Any, **fields: Any) -> bool:
        await storing.wait()
        return await store(*args, **fields)

    monkeypatch.setattr(workflow.services.runs, "fail", slow)
    run = await started(hub, workflow)
    with capture_logs() as logs:
        for _ in range(5):
            clock.now += 10
            await hub.tick()
            await asyncio.sleep(0)
        run.cancel()
        storing.set()
        await run.ended.wait()
    cancelled = [line for line in logs if line["event"] == "run_cancelled"]
    assert [(line["run_id"], line["reason"]) for line in cancelled] == [(run.run_id, "client_gone")]


async def test_a_run_that_breaks_off_ends_its_log_with_a_failure(
    hub: RunHub, workflow: BaseWorkflow, model: SteppedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await started(hub, workflow)
    append = run.log.append

    def broken(event: Event) -> None:
        if isinstance(event, RunFinished):
            raise OSError("the event cannot be written")
        append(event)

    monkeypatch.setattr(run.log, "append", broken)
    model.finish()
    await run.ended.wait()
    assert isinstance(run.log.outcome, RunFailedEvent)
    assert (run.log.outcome.error_type, run.log.outcome.seq) == ("internal", run.log.last_seq)


async def test_the_end_of_a_run_is_known_before_its_lead_is_given_back(
    hub: RunHub, tmp_path: Path, model: SteppedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()

    async def end_lead(*_: Any) -> None:
        await gate.wait()

    async with workflow_services(tmp_path / "shared", models=[model], cache_entries=10) as services:
        monkeypatch.setattr(services.logs, "end_lead", end_lead)
        run = await started(hub, BaseWorkflow(services))
        model.finish()
        async with asyncio.timeout(20):
            await run.concluded()
        assert isinstance(run.log.outcome, RunFinished)
        assert not run.ended.is_set()
        gate.set()
        await run.ended.wait()
