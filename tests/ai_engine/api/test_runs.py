"""Runs over HTTP: asked, shown, cancelled, and refused without a trace."""

import asyncio

import pytest
from sqlalchemy import func, select
from tests.ai_engine.harness import SUM, Serve, Service, SteppedModel, asked
from tests.run_record import run_record

from ai_engine.problem import MEDIA_TYPE
from vital_shared.errors import StoreError
from vital_shared.llm.base import ModelTimeout, ModelUnavailable
from vital_shared.llm.extractive import ExtractiveComposer
from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput
from vital_shared.store.tables import runs
from vital_shared.testing import CannedModel


async def stored(service: Service) -> int:
    async with service.services.database.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(runs))).scalar_one()


async def test_a_question_is_answered_as_json(service: Service) -> None:
    response = await service.ask()
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    output = WorkflowOutput.model_validate_json(response.content)
    assert (output.status, output.response) == ("completed", "It takes 42 days [1].")
    assert response.json()["cost"]["total"] == "0"


async def test_modes_are_taken_as_numbers_and_as_text(service: Service) -> None:
    assert [(await service.ask(mode=mode)).status_code for mode in (2, "2")] == [200, 200]


async def test_a_run_is_shown_with_its_question_and_its_answer(service: Service) -> None:
    run_id = (await service.ask()).json()["run_id"]
    shown = (await service.client.get(f"/v1/runs/{run_id}")).json()
    assert (shown["id"], shown["status"], shown["error"]) == (run_id, "completed", None)
    assert shown["workflow"] == "base-workflow"
    assert shown["input"]["query"] == "How long?"
    assert shown["output"]["response"] == "It takes 42 days [1]."
    assert shown["created_at"] <= shown["finished_at"]


async def test_a_conversation_goes_on(service: Service) -> None:
    session = (await service.ask(mode=4)).json()["session_id"]
    again = await service.ask("And now?", mode=4, session_id=session)
    assert (again.status_code, again.json()["session_id"]) == (200, session)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelUnavailable("gone", model="bad"), 502),
        (ModelTimeout("late", model="bad"), 502),
        (RuntimeError(), 502),
    ],
)
async def test_a_run_that_fails_says_which_and_where(
    serve: Serve, error: Exception, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = CannedModel("a b", name="bad", error=error)
    monkeypatch.setattr(ExtractiveComposer, "stream", bad.stream)  # not even the last one answers
    service = await serve([bad])
    response = await service.ask(model="bad")
    problem = response.json()
    assert (response.status_code, problem["status"], problem["node"]) == (status, status, "answer")
    assert response.headers["content-type"] == MEDIA_TYPE
    shown = (await service.client.get(f"/v1/runs/{problem['run_id']}")).json()
    assert (shown["status"], shown["error"]["node"]) == ("failed", "answer")


async def test_a_run_that_takes_too_long_is_a_gateway_timeout(serve: Serve) -> None:
    service = await serve([SteppedModel()], run_timeout_seconds=0.05)
    assert (await service.ask(model="stepped")).status_code == 504


INVALID = [
    ({"query": ""}, "query"),
    ({"query": " \n "}, "query"),
    ({"query": "x" * 10_001}, "query"),
    ({"query": None}, "query"),
    ({"query": 7}, "query"),
    ({"mode": "5"}, "mode"),
    ({"mode": True}, "mode"),
    ({"tenant_id": ""}, "tenant_id"),
    ({"user_id": "a b"}, "user_id"),
    ({"session_id": "s"}, "session_id goes with modes 3 and 4"),
    ({"agent_id": "nobody"}, "agent_id"),
    ({"agent_id": "../etc"}, "agent_id"),
    ({"model": "gpt-9"}, "model"),
    ({"requested_tools": ["nothing"]}, "requested_tools"),
    (
        {"requested_tools": [{"name": "calculator", "arguments": {"expression": 1}}]},
        "requested_tools.calculator",
    ),
    ({"requested_tools": [{"nom": "calculator"}]}, "requested_tools.0.name"),
    ({"max_cost_dollars": "-1"}, "max_cost_dollars"),
    ({"max_cost_dollars": "NaN"}, "max_cost_dollars"),
    ({"surprise": 1}, "surprise"),
    ({"metadata": []}, "metadata"),
]


async def test_wrong_fields_are_named_and_nothing_is_stored(service: Service) -> None:
    for change, field in INVALID:
        response = await service.client.post("/v1/runs", json=asked() | change)
        problem = response.json()
        assert response.status_code == 422, change
        assert response.headers["content-type"] == MEDIA_TYPE
        assert field in problem["detail"] or field in problem["errors"][0]["field"], (change, problem)
        assert problem["instance"] == "/v1/runs"
        assert all(set(error) == {"field", "message"} for error in problem["errors"])
    assert await stored(service) == 0


async def test_all_wrong_fields_are_reported_at_once(service: Service) -> None:
    response = await service.client.post("/v1/runs", json={"query": "", "mode": "9", "x": 1})
    fields = [error["field"] for error in response.json()["errors"]]
    assert fields == ["query", "mode", "tenant_id", "user_id", "x"]


async def test_a_long_query_is_not_repeated_in_the_answer(service: Service) -> None:
    response = await service.ask("secret" * 2_000)
    assert "secret" not in response.text


async def test_more_runs_than_the_limit_are_asked_to_come_again(serve: Serve, model: SteppedModel) -> None:
    service = await serve([model], settings={"max_concurrent_runs": 1, "max_waiting_runs": 0})
    first = asyncio.create_task(service.ask(model="stepped"))
    await model.asked.wait()
    refused = await service.ask()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert await stored(service) == 1
    model.finish()
    assert (await first).status_code == 200
    assert (await service.ask()).status_code == 200


async def test_a_refused_question_frees_its_place(serve: Serve) -> None:
    service = await serve(settings={"max_concurrent_runs": 1})
    assert (await service.ask(model="unknown")).status_code == 422
    assert (await service.ask()).status_code == 200


async def test_a_store_that_does_not_answer_is_a_503(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object, **__: object) -> None:
        raise StoreError("The database is down.")

    monkeypatch.setattr(type(service.services.runs), "start", down)
    response = await service.ask()
    assert (response.status_code, response.json()["detail"]) == (503, "The database is down.")
    streamed = await service.ask(headers={"Accept": "text/event-stream"})
    assert (streamed.status_code, streamed.headers["content-type"]) == (503, MEDIA_TYPE)


async def test_what_is_unforeseen_is_a_500_that_states_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(type(service.engine.hub), "find", broken)
    response = await service.client.get("/v1/runs/x/events")
    assert (response.status_code, response.headers["content-type"]) == (500, MEDIA_TYPE)
    assert "secret" not in response.text
    assert "x-request-id" in response.headers
    assert "request_failed" in caplog.text


class TestCancel:
    async def test_a_run_is_cancelled_while_it_answers(self, service: Service, model: SteppedModel) -> None:
        async with service.stream(json=asked(model="stepped")) as events:
            model.step()
            async for event in events:
                if event["type"] == "token":
                    response = await service.client.delete(f"/v1/runs/{event['run_id']}")
                    assert (response.status_code, response.content) == (204, b"")
        assert (event["type"], event["error_type"]) == ("run_failed", "cancelled")
        assert model.closed.is_set()
        shown = (await service.client.get(f"/v1/runs/{event['run_id']}")).json()
        assert shown["status"] == "cancelled"

    async def test_who_waits_for_its_answer_is_reported(self, service: Service, model: SteppedModel) -> None:
        waiting = asyncio.create_task(service.ask(model="stepped"))
        await model.asked.wait()
        (run_id,) = service.engine.hub._runs
        await service.client.delete(f"/v1/runs/{run_id}")
        response = await waiting
        assert (response.status_code, response.json()["run_id"]) == (409, run_id)

    async def test_a_waiting_run_is_cancelled_and_cannot_be_approved(self, service: Service) -> None:
        run_id = (await service.ask(SUM, mode=1)).json()["run_id"]
        assert (await service.client.delete(f"/v1/runs/{run_id}")).status_code == 204
        refused = await service.client.post(f"/v1/runs/{run_id}/approval", json={"approved": "all"})
        assert refused.status_code == 409

    async def test_a_run_that_has_ended_cannot_be_cancelled(self, service: Service) -> None:
        run_id = (await service.ask()).json()["run_id"]
        response = await service.client.delete(f"/v1/runs/{run_id}")
        assert response.status_code == 409
        assert "has ended" in response.json()["detail"]

    async def test_two_who_cancel_at_once_both_succeed(self, service: Service, model: SteppedModel) -> None:
        waiting = asyncio.create_task(service.ask(model="stepped"))
        await model.asked.wait()
        (run_id,) = service.engine.hub._runs
        both = await asyncio.gather(*(service.client.delete(f"/v1/runs/{run_id}") for _ in range(2)))
        assert [response.status_code for response in both] == [204, 204]
        await waiting

    async def test_an_unknown_run_is_not_found(self, service: Service) -> None:
        assert (await service.client.delete("/v1/runs/run_0")).status_code == 404


async def test_unknown_runs_are_not_found_on_every_route(service: Service) -> None:
    requests = [("GET", ""), ("DELETE", ""), ("GET", "/events"), ("POST", "/approval")]
    for method, path in requests:
        body = {"json": {}} if method == "POST" else {}
        response = await service.client.request(method, f"/v1/runs/run_0{path}", **body)
        assert (response.status_code, response.headers["content-type"]) == (404, MEDIA_TYPE)


async def test_routes_and_methods_that_there_are_not(service: Service) -> None:
    unknown = await service.client.get("/v2/runs")
    assert (unknown.status_code, unknown.headers["content-type"]) == (404, MEDIA_TYPE)
    wrong = await service.client.put("/v1/runs/run_0")
    assert (wrong.status_code, wrong.headers["content-type"]) == (405, MEDIA_TYPE)
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "HEAD", "DELETE"}


async def test_a_run_whose_client_is_gone_is_cancelled_after_the_grace_time(
    serve: Serve, model: SteppedModel
) -> None:
    service = await serve([model], settings={"grace_seconds": 0.05})
    waiting = asyncio.create_task(service.ask(model="stepped"))
    await model.asked.wait()
    (run_id,) = service.engine.hub._runs
    waiting.cancel()
    await asyncio.wait([waiting])
    await asyncio.wait_for(model.closed.wait(), 20)
    run = service.engine.hub.find(run_id)
    assert run is not None
    await run.ended.wait()
    assert (await service.client.get(f"/v1/runs/{run_id}")).json()["status"] == "cancelled"


async def test_a_client_that_waits_for_json_is_a_reader(service: Service, model: SteppedModel) -> None:
    waiting = asyncio.create_task(service.ask(model="stepped"))
    await model.asked.wait()
    (run_id,) = service.engine.hub._runs
    await service.client.get("/healthz")
    run = service.engine.hub.find(run_id)
    assert run is not None
    assert run.unread_seconds() == 0
    model.finish()
    assert (await waiting).status_code == 200


async def test_a_run_of_a_process_that_cannot_be_reached_is_to_be_cancelled_later(serve: Serve):
    service = await serve()
    question = WorkflowInput.model_validate(asked("How long?"))
    await service.services.runs.start(run_record(question, service.services.now()))
    refused = await service.client.delete("/v1/runs/run_1")
    assert (refused.status_code, refused.headers.get("Retry-After")) == (409, "1"), refused.text
