"""Resuming over HTTP: answers, edited and denied calls; once, by the right tenant, stored with who decided."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ai_engine.harness import SUM, Serve, Service, asked, serving
from tests.ai_engine.supervisor.engine import running_engine

from vital_shared.testing import CannedModel, workflow_services
from vital_shared.workflows.base_workflow import BaseWorkflow

SOURCE = '''
from pydantic import BaseModel

from vital_shared import Answer, BaseWorkflow, Pause, node


class Review(BaseModel):
    verdict: str
    score: int = 0


class Reviewed(BaseWorkflow):
    """Two nodes wait for people at the same time."""

    @node(pauses=True)
    async def review(self, query: str) -> Review:
        raise Pause({"draft": query})

    @node(pauses=True)
    async def colour(self, query: str) -> str:
        raise Pause("Which colour?")

    @node
    async def answer(self, review: Review, colour: str) -> Answer:
        return Answer(text=f"{review.verdict} {review.score} {colour}")
'''
ANSWERS = {"review": {"verdict": "yes", "score": 3}, "colour": "red"}
STREAM = {"Accept": "text/event-stream"}


def reviewed() -> type[BaseWorkflow]:
    names: dict[str, Any] = {"__name__": __name__}
    exec(SOURCE, names)
    found: type[BaseWorkflow] = names["Reviewed"]
    return found


QUESTION = asked("A draft.", enable_tools=False, enable_rag=False)


@pytest.fixture
async def reviewing(serve: Serve) -> Service:
    return await serve(settings={"workflow": reviewed()})


async def paused(service: Service, **headers: str) -> str:
    output = (await service.client.post("/v1/runs", json=QUESTION, headers=headers)).json()
    assert output["status"] == "awaiting_approval", output
    run_id: str = output["run_id"]
    return run_id


async def resume(service: Service, run_id: str, body: object, **headers: str) -> httpx.Response:
    content = json.dumps(body).encode()
    headers["Content-Type"] = "application/json"
    return await service.client.post(f"/v1/runs/{run_id}/resume", content=content, headers=headers)


async def shown(service: Service, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await service.client.get(f"/v1/runs/{run_id}")).json()
    return found


async def test_a_paused_run_shows_what_it_waits_for_and_who_decided_is_readable(reviewing: Service) -> None:
    events = await reviewing.events(json=QUESTION)
    run_id = events[0]["run_id"]
    waiting = (await shown(reviewing, run_id))["output"]["required_input"]
    assert {each["name"]: each["value"] for each in waiting} == {
        "review": {"draft": "A draft."},
        "colour": "Which colour?",
    }
    assert {each["name"]: each["answer_schema"]["type"] for each in waiting} == {
        "review": "object",
        "colour": "string",
    }
    asked_for = [event["input"] for event in events if event["type"] == "input_required"]
    assert sorted(asked_for, key=str) == sorted(waiting, key=str)
    assert events[-1]["output"]["required_input"] == waiting
    done = await resume(reviewing, run_id, {"answers": ANSWERS, "user_id": "ann"})
    assert (done.status_code, done.json()["response"]) == (200, "yes 3 red")
    decisions = (await shown(reviewing, run_id))["decisions"]
    assert {each["subject"]: (each["kind"], each["answer"], each["user_id"]) for each in decisions} == {
        "review": ("answered", ANSWERS["review"], "ann"),
        "colour": ("answered", "red", "ann"),
    }


async def test_the_stream_goes_on_with_the_next_number(reviewing: Service) -> None:
    before = await reviewing.events(json=QUESTION)
    path = f"/v1/runs/{before[0]['run_id']}"
    after = await reviewing.events(f"{path}/resume", json={"answers": ANSWERS})
    assert (after[0]["seq"], after[0]["resumed"]) == (before[-1]["seq"] + 1, True)
    assert after[-1]["output"]["response"] == "yes 3 red"
    assert await reviewing.events(f"{path}/events") == before + after


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"answers": {"colour": "red"}}, "answers"),
        ({}, "answers"),
        ({"answers": ANSWERS | {"colour": 5}}, "answers.colour"),
        ({"answers": ANSWERS | {"review": {"verdict": 5}}}, "answers.review.verdict"),
        ({"answers": ANSWERS | {"size": 1}}, "answers"),
        ({"answers": ANSWERS, "approved": ["call-1"]}, "approved"),
        ({"answers": ANSWERS, "denied": {"call-1": 5}}, "denied.call-1"),
        ({"answers": ANSWERS, "user_id": "no one"}, "user_id"),
        ({"answers": [1]}, "answers"),
        ({"answer": {}}, "answer"),
    ],
)
async def test_what_does_not_fit_is_a_problem_and_the_run_waits_on(
    reviewing: Service, body: dict[str, Any], field: str
) -> None:
    run_id = await paused(reviewing)
    refused = await resume(reviewing, run_id, body)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert (await shown(reviewing, run_id))["decisions"] == []
    assert (await resume(reviewing, run_id, {"answers": ANSWERS})).status_code == 200


async def test_calls_are_edited_and_denied(service: Service) -> None:
    output = (await service.ask(SUM, mode=1)).json()
    (call,) = output["suggested_tools"]
    body = {"edited": {call["id"]: {"expression": "6 * 7"}}, "user_id": "ann"}
    events = await service.events(f"/v1/runs/{output['run_id']}/resume", json=body)
    (begun,) = (event["tool"] for event in events if event["type"] == "tool_started")
    assert begun["arguments"] == {"expression": "6 * 7"}
    (result,) = events[-1]["output"]["tool_results"]
    assert (result["content"], result["arguments"]) == ("6 * 7 = 42", {"expression": "6 * 7"})
    (decision,) = (await shown(service, output["run_id"]))["decisions"]
    assert (decision["kind"], decision["arguments"]) == ("edited", {"expression": "6 * 7"})
    assert decision["suggested_arguments"] == call["arguments"]


async def test_calls_that_wait_need_a_decision_and_may_be_denied_with_a_reason(service: Service) -> None:
    run_id = (await service.ask(SUM, mode=1)).json()["run_id"]
    refused = await resume(service, run_id, {})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "approved")
    wrong = await resume(service, run_id, {"edited": {"call-1": {"expression": 5}}})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "edited.call-1.expression")
    output = (await resume(service, run_id, {"denied": {"call-1": "I know it."}})).json()
    assert output["tool_results"][0]["error"] == "the user did not approve it: I know it."


async def test_an_approval_is_stored_too_with_the_key_of_its_request(service: Service) -> None:
    run_id = (await service.ask(SUM, mode=1)).json()["run_id"]
    key = await service.key(None, "ask")
    approved = await service.client.post(f"/v1/runs/{run_id}/approval", json={"approved": "all"}, headers=key)
    assert approved.status_code == 200
    found = (await service.client.get(f"/v1/runs/{run_id}", headers=key)).json()["decisions"]
    assert [(each["kind"], each["key_id"] is None) for each in found] == [("approved", False)]
    assert key["Authorization"].split("_")[-1] not in str(found)


async def test_of_two_people_one_wins_and_the_other_gets_a_conflict(reviewing: Service) -> None:
    run_id = await paused(reviewing)
    people = [{"answers": ANSWERS | {"colour": name}, "user_id": name} for name in ("ann", "bob", "cy")]
    ends = await asyncio.gather(*(resume(reviewing, run_id, body) for body in people))
    assert sorted(end.status_code for end in ends) == [200, 409, 409]
    winner = next(end.json()["response"].split()[-1] for end in ends if end.status_code == 200)
    assert {each["user_id"] for each in (await shown(reviewing, run_id))["decisions"]} == {winner}


async def test_an_expired_run_is_a_conflict_with_the_sentence(serve: Serve) -> None:
    service = await serve(settings={"workflow": reviewed()}, approval_ttl_seconds=60)
    run_id = await paused(service)
    await service.services.runs.sweep(datetime.now(UTC) + timedelta(seconds=61))
    refused = await resume(service, run_id, {"answers": ANSWERS})
    assert refused.status_code == 409
    assert "waited for an answer or an approval until" in refused.json()["detail"]


async def test_another_tenant_and_another_run_are_not_found(reviewing: Service) -> None:
    run_id = await paused(reviewing)
    other = await resume(reviewing, run_id, {"answers": ANSWERS}, **{"X-Tenant-ID": "globex"})
    assert other.status_code == 404
    assert (await resume(reviewing, "run_0", {"answers": ANSWERS})).status_code == 404
    key = await reviewing.key("globex", "ask")
    assert (await resume(reviewing, run_id, {"answers": ANSWERS}, **key)).status_code == 404
    key = await reviewing.key("acme", "costs")
    assert (await resume(reviewing, run_id, {"answers": ANSWERS}, **key)).status_code == 403
    assert (await resume(reviewing, run_id, {"answers": ANSWERS})).status_code == 401
    key = await reviewing.key("acme", "ask")
    assert (await resume(reviewing, run_id, {"answers": ANSWERS}, **key)).status_code == 200


async def test_the_same_request_with_its_key_gets_the_same_answer(reviewing: Service) -> None:
    run_id = await paused(reviewing)
    body, key = {"answers": ANSWERS}, {"Idempotency-Key": "once"}
    ends = await asyncio.gather(*(resume(reviewing, run_id, body, **key) for _ in range(3)))
    ends.append(await resume(reviewing, run_id, body, **key))
    assert [end.status_code for end in ends] == [200] * 4, [end.text for end in ends]
    assert len({end.text for end in ends}) == 1
    assert len((await shown(reviewing, run_id))["decisions"]) == 2
    other = await resume(reviewing, run_id, {"answers": ANSWERS | {"colour": "blue"}}, **key)
    assert other.status_code == 422
    assert (await resume(reviewing, run_id, body)).status_code == 409


async def test_a_repetition_waits_for_the_run_that_is_being_resumed(
    reviewing: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await paused(reviewing)
    runs, claimed, may_begin = reviewing.services.runs, asyncio.Event(), asyncio.Event()
    charges = runs.charges

    async def slow_charges(run_id: str) -> Any:
        claimed.set()
        await may_begin.wait()
        return await charges(run_id)

    monkeypatch.setattr(runs, "charges", slow_charges)
    body, key = {"answers": ANSWERS}, {"Idempotency-Key": "once"}
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(resume(reviewing, run_id, body, **key))
        await claimed.wait()
        again = tasks.create_task(resume(reviewing, run_id, body, **key))
        events = await reviewing.events(f"/v1/runs/{run_id}/events")
        assert events[-1]["type"] == "run_paused", "its readers find it paused"
        await asyncio.wait([again], timeout=0.2)
        may_begin.set()
    assert first.result().status_code == again.result().status_code == 200, again.result().text
    assert first.result().text == again.result().text


async def test_the_chat_says_how_to_go_on(reviewing: Service) -> None:
    body = {"model": "mode-2/generalist", "messages": [{"role": "user", "content": "A draft."}]}
    answer = (await reviewing.client.post("/v1/chat/completions", json=body)).json()
    assert "/resume" in answer["choices"][0]["message"]["content"]


@pytest.mark.thorough
async def test_it_is_resumed_at_the_other_worker(tmp_path) -> None:
    (tmp_path / "reviewed.py").write_text(SOURCE)
    question = QUESTION | {"model": None}
    async with running_engine(tmp_path, VITAL_WORKFLOW=f"{tmp_path / 'reviewed.py'}:Reviewed") as engine:
        workers: set[tuple[int, int]] = set()
        while not any(begun != ended for begun, ended in workers):
            async with engine.client() as one:
                first = await one.post("/v1/runs", json=question)
            run_id = first.json()["run_id"]
            async with engine.client() as other:
                refused = await other.post(f"/v1/runs/{run_id}/resume", json={"answers": {"colour": 5}})
                assert refused.status_code == 422, refused.text
                key = {"Idempotency-Key": run_id}
                second = await other.post(f"/v1/runs/{run_id}/resume", json={"answers": ANSWERS}, headers=key)
                assert second.json()["response"] == "yes 3 red", second.text
                events = await other.get(f"/v1/runs/{run_id}/events", headers=STREAM)
                assert events.text.count("event: input_required") == 2
                assert "event: run_finished" in events.text
                decided = (await other.get(f"/v1/runs/{run_id}")).json()["decisions"]
                assert len(decided) == 2
            async with engine.client() as any_worker:
                again = await any_worker.post(
                    f"/v1/runs/{run_id}/resume", json={"answers": ANSWERS}, headers=key
                )
                assert (again.status_code, again.json()["response"]) == (200, "yes 3 red"), again.text
            begun, ended = [
                (await engine.logged("request", request_id=response.headers["x-request-id"]))["worker"]
                for response in (first, second)
            ]
            workers.add((begun, ended))


@pytest.mark.thorough
async def test_of_two_people_at_two_workers_one_wins(tmp_path) -> None:
    (tmp_path / "reviewed.py").write_text(SOURCE)
    async with (
        running_engine(tmp_path, VITAL_WORKFLOW=f"{tmp_path / 'reviewed.py'}:Reviewed") as engine,
        engine.client() as one,
        engine.client() as other,
    ):
        for _ in range(5):
            run_id = (await one.post("/v1/runs", json=QUESTION | {"model": None})).json()["run_id"]
            ends = await asyncio.gather(
                *(
                    client.post(f"/v1/runs/{run_id}/resume", json={"answers": ANSWERS, "user_id": name})
                    for client, name in ((one, "ann"), (other, "bob"))
                )
            )
            assert sorted(end.status_code for end in ends) == [200, 409], [end.text for end in ends]
            winner = "ann" if ends[0].status_code == 200 else "bob"
            decided = (await one.get(f"/v1/runs/{run_id}")).json()["decisions"]
            assert {each["user_id"] for each in decided} == {winner}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["review", "colour", "approved_tools", "call-1", ""])
bodies = st.fixed_dictionaries(
    {},
    optional={
        "answers": st.dictionaries(names, json_values | st.just(ANSWERS["review"]), max_size=3) | json_values,
        "approved": st.lists(names, max_size=2) | st.just("all") | json_values,
        "edited": st.dictionaries(names, json_values, max_size=2) | json_values,
        "denied": st.dictionaries(names, json_values, max_size=2) | json_values,
        "user_id": json_values,
        "more": json_values,
    },
)


@pytest.fixture
def resumed(tmp_path) -> Iterator[Callable[[Any], tuple[int, str]]]:
    """Resume one paused run with one body after another, from a test that is not asynchronous."""
    with asyncio.Runner() as runner:

        async def opened() -> tuple[Service, Any]:
            from contextlib import AsyncExitStack

            stack = AsyncExitStack()
            services = await stack.enter_async_context(workflow_services(tmp_path, models=[CannedModel()]))
            return await stack.enter_async_context(serving(services, workflow=reviewed())), stack

        service, stack = runner.run(opened())
        run_id = runner.run(paused(service))

        async def post(body: Any) -> tuple[int, str]:
            nonlocal run_id
            response = await resume(service, run_id, body)
            if response.status_code == 200:
                run_id = await paused(service)
            return response.status_code, response.text

        yield lambda body: runner.run(post(body))
        runner.run(stack.aclose())


@pytest.mark.thorough
@given(body=bodies | json_values)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_breaks_it_and_what_is_refused_leaves_the_run_waiting(
    resumed: Callable[[Any], tuple[int, str]], body: Any
) -> None:
    status, text = resumed(body)
    assert status in (200, 422), text
    if status == 422:
        assert "errors" in text
        assert resumed({"answers": ANSWERS})[0] == 200
