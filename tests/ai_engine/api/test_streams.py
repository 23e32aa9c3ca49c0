"""Events over HTTP: at once, from any point, for any number of readers."""

import asyncio
import logging
from datetime import datetime

import pytest
from tests.ai_engine.harness import SUM, Serve, Service, SteppedModel, asked, sse

from ai_engine.api.streams import HEARTBEAT
from ai_engine.runs.run_reader import RunReader
from vital_shared.events.memory import LIMIT_BYTES
from vital_shared.models.event import EventAdapter
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.store.run_record import RunRecord


async def test_a_question_is_answered_event_by_event(service: Service) -> None:
    headers = {"Accept": "text/event-stream"}
    async with service.client.stream("POST", "/v1/runs", json=asked(), headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-accel-buffering"] == "no"
        events = [event async for event in sse(response)]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["type"], events[-1]["type"]) == ("run_started", "run_finished")
    text = "".join(event["text"] for event in events if event["type"] == "token")
    assert text == events[-1]["output"]["response"] == "It takes 42 days [1]."
    assert WorkflowOutput.model_validate(events[-1]["output"], strict=False).citations
    for event in events:
        EventAdapter.validate_python(event, strict=False)


async def test_each_word_goes_out_before_the_next_is_written(service: Service, model: SteppedModel) -> None:
    words = []
    async with service.stream(json=asked(model="stepped")) as events:
        model.step()
        async for event in events:
            if event["type"] == "token":
                words.append(event["text"])
                model.step()
    assert words == ["one ", "two ", "three "]


async def test_a_stream_can_be_resumed_after_every_event(service: Service) -> None:
    events = await service.events(json=asked())
    path = f"/v1/runs/{events[0]['run_id']}/events"
    assert await service.events(path) == events
    for number in range(len(events) - 1):
        rest = await service.events(path, headers={"Last-Event-ID": str(number)})
        assert rest == events[number:]


async def test_a_cached_answer_streams_and_can_be_resumed_too(serve: Serve) -> None:
    service = await serve(cache_entries=10)
    await service.events(json=asked(enable_tools=False))
    events = await service.events(json=asked(enable_tools=False))
    assert events[-1]["output"]["cache_status"] == "hit"
    path = f"/v1/runs/{events[0]['run_id']}/events"
    for number in range(len(events) - 1):
        assert await service.events(path, headers={"Last-Event-ID": str(number)}) == events[number:]
    too_late = await service.client.delete(path.removesuffix("/events"))
    assert (too_late.status_code, "its status is completed" in too_late.text) == (409, True)


async def test_a_stream_that_was_lost_at_any_event_misses_nothing(serve: Serve) -> None:
    model = SteppedModel([f"w{number}" for number in range(5)])
    model.finish()
    service = await serve([model])
    whole = await service.events(json=asked(model="stepped"))
    for lost_after in range(1, len(whole), 3):
        model.finish()
        async with service.stream(json=asked(model="stepped")) as events:
            seen = []
            while len(seen) < lost_after:
                seen.append(await anext(events))
        path = f"/v1/runs/{seen[0]['run_id']}/events"
        seen += await service.events(path, headers={"Last-Event-ID": str(seen[-1]["seq"])})
        assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
        assert "".join(event.get("text", "") for event in seen) == "w0 w1 w2 w3 w4 "


async def test_many_follow_one_run_and_all_see_all(service: Service, model: SteppedModel) -> None:
    async with service.stream(json=asked(model="stepped")) as events:
        first = await anext(events)
        path = f"/v1/runs/{first['run_id']}/events"
        others = [asyncio.create_task(service.events(path)) for _ in range(5)]
        await model.asked.wait()
        model.finish()
        all_events = [first, *[event async for event in events]]
    for other in others:
        assert await other == all_events


async def test_a_follower_may_leave_without_harm(service: Service, model: SteppedModel) -> None:
    async with service.stream(json=asked(model="stepped")) as events:
        first = await anext(events)
        async with service.stream(f"/v1/runs/{first['run_id']}/events") as other:
            await anext(other)
        model.finish()
        assert [event async for event in events][-1]["type"] == "run_finished"


async def test_a_run_that_was_streamed_to_nobody_is_cancelled(serve: Serve, model: SteppedModel) -> None:
    service = await serve([model], settings={"grace_seconds": 0.05})
    async with service.stream(json=asked(model="stepped")) as events:
        run_id = (await anext(events))["run_id"]
        await model.asked.wait()
    rest = await service.events(f"/v1/runs/{run_id}/events") if await cancelled(model) else []
    assert (rest[-1]["type"], rest[-1]["error_type"]) == ("run_failed", "client_gone")


async def cancelled(model: SteppedModel) -> bool:
    return await asyncio.wait_for(model.closed.wait(), 20)


async def test_a_silent_stream_has_a_heartbeat(serve: Serve, model: SteppedModel) -> None:
    service = await serve([model], settings={"heartbeat_seconds": 0.02})
    headers = {"Accept": "text/event-stream"}
    body = asked(model="stepped")
    async with service.client.stream("POST", "/v1/runs", json=body, headers=headers) as response:
        received, chunks = b"", response.aiter_bytes()
        while received.count(HEARTBEAT) < 3:
            received += await anext(chunks)
        model.finish()
        async for chunk in chunks:
            received += chunk
    assert b"event: run_finished" in received


async def test_a_client_that_has_all_is_reported_not_to_come_again(service: Service) -> None:
    events = await service.events(json=asked())
    path = f"/v1/runs/{events[0]['run_id']}/events"
    for number in (len(events), len(events) + 100):
        response = await service.client.get(path, headers={"Last-Event-ID": str(number)})
        assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 16])
async def test_a_last_event_id_that_is_none_is_refused(service: Service, last: str) -> None:
    run_id = (await service.ask()).json()["run_id"]
    response = await service.client.get(f"/v1/runs/{run_id}/events", headers={"Last-Event-ID": last})
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "Last-Event-ID")


async def test_a_wrong_question_is_a_problem_also_for_who_wants_a_stream(service: Service) -> None:
    response = await service.ask(" ", headers={"Accept": "text/event-stream"})
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")


class TestEventsThatAreGone:
    """A run whose events are no longer here ends with the one event that the store still knows."""

    async def only(self, service: Service, run_id: str) -> dict:
        service.engine.hub._runs.clear()
        (event,) = await service.events(f"/v1/runs/{run_id}/events")
        return event

    async def test_of_an_answered_run(self, service: Service) -> None:
        output = (await service.ask()).json()
        event = await self.only(service, output["run_id"])
        assert (event["type"], event["output"]) == ("run_finished", output)

    async def test_of_a_waiting_run(self, service: Service) -> None:
        events = await service.events(json=asked(SUM, mode=1))
        event = await self.only(service, events[0]["run_id"])
        assert event == events[-1]
        path, last = f"/v1/runs/{event['run_id']}/events", {"Last-Event-ID": str(event["seq"])}
        assert (await service.client.get(path, headers=last)).status_code == 204

    async def test_of_a_cancelled_run(self, service: Service) -> None:
        run_id = (await service.ask(SUM, mode=1)).json()["run_id"]
        await service.client.delete(f"/v1/runs/{run_id}")
        event = await self.only(service, run_id)
        assert (event["type"], event["error_type"]) == ("run_failed", "cancelled")

    async def test_of_a_run_that_works_elsewhere(self, service: Service, model: SteppedModel) -> None:
        waiting = asyncio.create_task(service.ask(model="stepped"))
        await model.asked.wait()
        (run_id,) = service.engine.hub._runs
        run = service.engine.hub._runs.pop(run_id)
        response = await service.client.delete(f"/v1/runs/{run_id}")
        assert response.status_code == 409
        assert "another process" in response.json()["detail"]
        async with service.stream(f"/v1/runs/{run_id}/events") as following:
            service.engine.hub._runs[run_id] = run  # it has a worker again, which goes on
            model.finish()
            events = [event async for event in following]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert events[-1]["output"] == (await waiting).json()

    async def test_of_a_run_that_ends_here_while_the_store_is_asked_for_it(
        self, service: Service, model: SteppedModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waiting = asyncio.create_task(service.ask(model="stepped"))
        await model.asked.wait()
        (run_id,) = service.engine.hub._runs
        run = service.engine.hub._runs.pop(run_id)
        reader = RunReader(service.engine, run_id, 0)
        runs = service.engine.services.runs
        read = runs.get

        async def read_late(run_id: str, *, tenant_id: str | None, now: datetime) -> RunRecord:
            service.engine.hub._runs[run_id] = run
            model.finish()
            await run.ended.wait()
            return await read(run_id, tenant_id=tenant_id, now=now)

        monkeypatch.setattr(runs, "get", read_late)
        frames = await reader.frames()
        await reader.leave()
        await waiting
        assert frames.startswith(b"id: 1\n")


async def test_events_of_a_run_that_was_cancelled_while_it_waited_end_with_that(service: Service) -> None:
    events = await service.events(json=asked(SUM, mode=1))
    run_id = events[0]["run_id"]
    await service.client.delete(f"/v1/runs/{run_id}")
    again = await service.events(f"/v1/runs/{run_id}/events")
    assert again[:-1] == events
    assert (again[-1]["type"], again[-1]["error_type"]) == ("run_failed", "cancelled")
    assert again[-1]["seq"] == events[-1]["seq"] + 1


@pytest.fixture
def unbounded_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an answer be longer than sockets and the log hold."""
    monkeypatch.setattr("vital_shared.llm.intake.MAX_CHARACTERS", 10**8)


@pytest.mark.usefixtures("unbounded_answers")
async def test_a_slow_reader_slows_the_run_down_and_memory_does_not_grow(serve: Serve) -> None:
    model = SteppedModel(["x" * 10_000] * 2_000)  # 20 MB: more than sockets and the log hold
    model.finish()
    service = await serve([model])
    headers = {"Accept": "text/event-stream"}
    body = asked(model="stepped", enable_rag=False)
    async with service.client.stream("POST", "/v1/runs", json=body, headers=headers) as response:
        (run,) = service.engine.hub._runs.values()
        numbers, largest = [], 0
        async for event in sse(response):
            numbers.append(event["seq"])
            if model.written < len(model.words):  # the last event of all has the whole answer
                largest = max(largest, run.log.size)
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 2_000
    assert LIMIT_BYTES / 2 < largest <= LIMIT_BYTES


@pytest.mark.usefixtures("unbounded_answers")
async def test_a_client_that_takes_nothing_is_given_up_and_its_run_is_cancelled(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ai_engine.api.streams.STALL_SECONDS", 0.3)
    model = SteppedModel(["x" * 10_000] * 2_000)  # more than sockets and the log hold
    for _ in range(1_500):  # then it waits
        model.step()
    service = await serve([model], settings={"grace_seconds": 0.2})
    headers = {"Accept": "text/event-stream"}
    body = asked(model="stepped", enable_rag=False)
    with caplog.at_level(logging.INFO):
        async with service.client.stream("POST", "/v1/runs", json=body, headers=headers):  # reads no further
            (run,) = service.engine.hub._runs.values()
            async with asyncio.timeout(30):
                await run.ended.wait()
    assert run.log.outcome is not None
    assert (run.log.outcome.type, run.log.outcome.error_type) == ("run_failed", "client_gone")
    assert model.written < len(model.words)
    given_up = caplog.text.index("stalled_client_dropped")
    assert given_up < caplog.text.index("run_cancelled")
