"""Both clients against the real engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.ai_engine.harness import SUM, Serve, Service, SteppedModel
from tests.vital_client.threaded import ThreadedClient

from vital_client import (
    AccessDenied,
    AsyncVitalClient,
    BadRequest,
    ClientError,
    EngineOverloaded,
    EngineUnreachable,
    KeyRefused,
    ResourceNotFound,
    RunConflict,
    RunWithoutAnswer,
    TooManyRequests,
    VitalClient,
    WaitTimeout,
)
from vital_client.calls import run
from vital_client.retries import Retries
from vital_shared import Workflow, WorkflowInput, node

QUESTION: dict[str, Any] = {"query": "How long?", "mode": 2, "model": "canned"}


def url_of(service: Service) -> str:
    return f"http://127.0.0.1:{service.port}"


@asynccontextmanager
async def opened(kind: str, service: Service) -> AsyncIterator[Any]:
    """Open either client, with the face of the one for asyncio."""
    options = {"tenant_id": "acme", "user_id": "ann"}
    if kind == "async":
        async with AsyncVitalClient(url_of(service), **options) as client:
            yield client
    else:
        with VitalClient(url_of(service), **options) as client:
            yield ThreadedClient(client)


@pytest.fixture(params=["async", "sync"])
async def client(service: Service, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    async with opened(request.param, service) as client:
        yield client


class Cutting(httpx.AsyncHTTPTransport):
    """Connections that are lost after a number of pieces, as often as there are numbers."""

    def __init__(self, *pieces: int) -> None:
        super().__init__()
        self.cuts = list(pieces)
        self.seen: list[tuple[str, str | None]] = []
        """The method and the last event's id of each request."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((request.method, request.headers.get("Last-Event-ID")))
        response = await super().handle_async_request(request)
        if self.cuts:
            response.stream = CutStream(response.stream, self.cuts.pop(0))
        return response


class CutStream(httpx.AsyncByteStream):
    def __init__(self, stream: Any, pieces: int) -> None:
        self._stream, self._pieces = stream, pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            if not self._pieces:
                raise httpx.ReadError("the connection was reset")
            self._pieces -= 1
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


async def test_an_answer_comes_with_what_it_cost(client: Any) -> None:
    answer = await client.ask(**QUESTION)
    assert answer.text.startswith("It takes 42 days")
    assert not answer.is_waiting
    assert not answer.is_from_cache
    assert answer.cost_dollars == Decimal(0)
    assert answer.quality_score is None or 0 <= answer.quality_score <= 1
    assert [cited["number"] for cited in answer.citations] == [1]
    found = await client.answer(answer.run_id)
    assert found is not None
    assert found.text == answer.text
    run = await client.run(answer.run_id)
    assert (run.run_id, run.user_id, run.tenant_id, run.status) == (answer.run_id, "ann", "acme", "completed")
    assert run.request["query"] == QUESTION["query"]
    assert run.finished_at is not None
    assert run.created_at <= run.finished_at


async def test_it_streams_the_events_of_a_run(client: Any) -> None:
    async with client.stream(**QUESTION) as events:
        seen = [event async for event in events]
    assert [event.seq for event in seen] == [*range(1, len(seen) + 1)]
    answer = seen[-1].answer
    assert answer is not None
    assert "".join(event.text for event in seen) == answer.text


async def test_a_run_is_followed_from_any_event(client: Any) -> None:
    async with client.stream(**QUESTION) as events:
        seen = [event async for event in events]
    async with client.follow(seen[0].run_id, after=seen[-2].seq) as rest:
        assert [event.seq async for event in rest] == [seen[-1].seq]
    async with client.follow(seen[0].run_id, after=seen[-1].seq) as rest:
        assert [event async for event in rest] == []
    with pytest.raises(ResourceNotFound):
        await client.answer("run_none")
    with pytest.raises(ResourceNotFound):
        async with client.follow("run_none") as events:
            await anext(events)


async def test_a_waiting_run_is_approved_edited_or_denied(client: Any) -> None:
    waiting = await client.ask(SUM, mode=1, model="canned")
    (call,) = waiting.suggested_tools
    edited = await client.resume(waiting.run_id, edited={call["id"]: {"expression": "6 * 7"}})
    assert "42" in edited.fields["tool_results"][0]["content"]
    waiting = await client.ask(SUM, mode=1, model="canned")
    denied = await client.resume(waiting.run_id, denied={waiting.suggested_tools[0]["id"]: "We have it."})
    assert not denied.fields["tool_results"] or denied.fields["tool_results"][0]["status"] != "success"
    with pytest.raises(RunConflict):
        await client.resume(waiting.run_id, approved="all")


@pytest.mark.parametrize("cuts", [(1,), (2, 1), (3, 0, 1)])
async def test_a_lost_connection_is_made_again_where_it_broke_off(
    service: Service, cuts: tuple[int, ...]
) -> None:
    transport = Cutting(*cuts)
    url = url_of(service)
    async with (
        AsyncVitalClient(url, tenant_id="acme", user_id="ann", transport=transport) as client,
        client.stream(**QUESTION) as events,
    ):
        seen = [event async for event in events]
    assert [event.seq for event in seen] == [*range(1, len(seen) + 1)]
    assert seen[-1].answer is not None
    assert len(transport.seen) <= len(cuts) + 1
    assert transport.seen[0] == ("POST", None)
    assert all(method == "GET" and after for method, after in transport.seen[1:])


async def test_a_question_that_may_have_begun_is_sent_again_with_a_key_alone(service: Service) -> None:
    url, options = url_of(service), {"tenant_id": "acme", "user_id": "ann"}
    lossy = Cutting(0)
    async with AsyncVitalClient(url, transport=lossy, **options) as client:
        with pytest.raises(EngineUnreachable, match="the connection was reset"):
            await client.ask(**QUESTION)
    assert len(lossy.seen) == 1
    lossy = Cutting(0)
    async with AsyncVitalClient(url, transport=lossy, **options) as client:
        answer = await client.ask(**QUESTION, idempotency_key="once")
        assert (await client.ask(**QUESTION, idempotency_key="once")).run_id == answer.run_id
    assert len(lossy.seen) == 3


async def test_a_run_that_is_cancelled_ends_its_stream_with_an_error(
    client: Any, model: SteppedModel
) -> None:
    async with client.stream("Why?", mode=2, model="stepped") as events:
        run_id = (await anext(events)).run_id
        await model.asked.wait()
        await client.cancel(run_id)
        with pytest.raises(RunWithoutAnswer) as caught:
            _ = [event async for event in events]
    assert (caught.value.error_type, caught.value.run_id) == ("cancelled", run_id)
    with pytest.raises(RunWithoutAnswer):
        await client.answer(run_id)
    with pytest.raises(RunConflict):
        await client.cancel(run_id)


async def test_feedback_takes_the_kind_of_its_value(client: Any) -> None:
    run_id = (await client.ask(**QUESTION)).run_id
    given = [
        await client.give_feedback(run_id, True, comment="Right."),
        await client.give_feedback(run_id, 0.5, name="tone"),
        await client.give_feedback(run_id, "Too short.", name="length"),
        await client.give_feedback(run_id, "41 days", kind="correction", name="text"),
    ]
    assert [each.kind for each in given] == ["boolean", "number", "text", "correction"]


async def test_runs_are_listed_by_filters(client: Any) -> None:
    answer = await client.ask(**QUESTION)
    found = await client.runs(
        status="completed", degraded=bool(answer.degradation_reasons), start="2026-01-01"
    )
    assert [run.run_id for run in found] == [answer.run_id]
    assert found.next_cursor is None
    (listed,) = found.runs
    assert (listed.title, listed.model, listed.cost_dollars) == (QUESTION["query"], "canned", Decimal(0))
    assert len(await client.runs(end="2026-01-01")) == 0
    assert len(await client.runs(status="failed")) == 0


async def test_a_list_of_runs_goes_on_at_its_cursor(client: Any) -> None:
    asked = [(await client.ask(**QUESTION)).run_id for _ in range(3)]
    first = await client.runs(limit=2)
    rest = await client.runs(limit=2, cursor=first.next_cursor)
    assert [run.run_id for page in (first, rest) for run in page] == asked[::-1]


async def test_costs_are_summed_up_by_group(client: Any) -> None:
    await client.ask(**QUESTION)
    summary = await client.costs(group_by=("tenant", "type"), mode=2)
    assert {line.group["tenant"] for line in summary.lines} == {"acme"}
    assert summary.total.calls == sum(line.calls for line in summary.lines) >= 1
    assert summary.total.cost_dollars == sum(line.cost_dollars for line in summary.lines)
    assert (await client.costs(end="2026-01-01")).total.calls == 0


async def test_workflows_are_listed_with_their_schemas(client: Any) -> None:
    (served,) = await client.workflows()
    assert served.is_default
    assert "2" in served.modes
    assert "query" in served.input_schema["properties"]


class Parcel(WorkflowInput):
    """A request that needs no question."""

    query: str = "Weigh it."
    grams: int


class Weigh(Workflow[Parcel]):
    @node
    async def answer(self, query: str, grams: int) -> str:
        return f"{query} {grams} g"


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_workflow_whose_question_has_a_default_is_asked_without_one(serve: Serve, kind: str) -> None:
    service = await serve(workflows={"weigh": Weigh})
    async with opened(kind, service) as client:
        assert (await client.ask(workflow="weigh", mode=2, grams=5)).text == "Weigh it. 5 g"
        async with client.stream(workflow="weigh", mode=2, grams=6) as events:
            assert "".join([event.text async for event in events]) == "Weigh it. 6 g"
        run_id = await client.start(workflow="weigh", mode=2, grams=7)
        assert (await client.wait(run_id, timeout_seconds=30)).text == "Weigh it. 7 g"
        with pytest.raises(BadRequest, match="grams is missing"):
            await client.ask(workflow="weigh", mode=2)


async def test_a_run_in_the_background_is_waited_for(client: Any) -> None:
    run_id = await client.start(**QUESTION)
    answer = await client.wait(run_id, timeout_seconds=30)
    assert (answer.run_id, answer.text[:15]) == (run_id, "It takes 42 day")
    waiting = await client.wait(await client.start(SUM, mode=1, model="canned"), timeout_seconds=30)
    assert waiting.is_waiting


async def test_a_wait_ends_in_time_and_the_run_goes_on(client: Any, model: SteppedModel) -> None:
    run_id = await client.start("Why?", mode=2, model="stepped")
    await model.asked.wait()
    with pytest.raises(WaitTimeout, match="it is still active") as caught:
        await client.wait(run_id, timeout_seconds=0.2)
    assert caught.value.run_id == run_id
    assert (await client.run(run_id)).is_active
    await client.cancel(run_id)
    with pytest.raises(RunWithoutAnswer):
        await client.wait(run_id)


async def test_what_is_wrong_with_a_request_is_said_in_one_sentence(client: Any) -> None:
    with pytest.raises(BadRequest, match="query must not be blank"):
        await client.ask("  ", mode=2)
    with pytest.raises(BadRequest) as caught:
        await client.ask("Why?", mode=7)
    assert caught.value.problem["errors"][0]["field"] == "mode"
    with pytest.raises(ResourceNotFound):
        await client.ask("Why?", workflow="../runs", mode=2)


async def test_a_key_is_sent_and_a_wrong_one_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    service = await serve()
    key = (await service.key("acme", "ask"))["Authorization"].removeprefix("Bearer ")
    monkeypatch.setenv("VITAL_API_KEY", key)
    async with AsyncVitalClient(url_of(service), tenant_id="acme", user_id="ann") as client:
        assert (await client.ask("How long?", mode=2)).fields["tenant_id"] == "acme"
        with pytest.raises(AccessDenied, match="may not name the model"):
            await client.ask(**QUESTION)
    async with AsyncVitalClient(url_of(service), key=key[:-1] + "_", tenant_id="acme") as client:
        with pytest.raises(KeyRefused):
            await client.workflows()


async def test_an_engine_that_is_not_there_is_said_to_be_out_of_reach(unused_tcp_port: int) -> None:
    async with AsyncVitalClient(f"http://127.0.0.1:{unused_tcp_port}", retries=0) as client:
        with pytest.raises(EngineUnreachable, match=f"127.0.0.1:{unused_tcp_port} cannot be reached"):
            await client.workflows()


REFUSED = {"status": 503, "title": "Service Unavailable", "detail": "There is no room for another run."}


@pytest.mark.parametrize(
    ("status", "problem", "error", "asked"),
    [
        (503, REFUSED, EngineOverloaded, 3),
        (503, REFUSED | {"run_id": "run_1"}, EngineOverloaded, 1),  # it had begun
        (429, {"detail": "Too many."}, TooManyRequests, 3),
        (500, {"detail": "A node failed.", "run_id": "run_1"}, ClientError, 1),
    ],
)
def test_a_refused_question_is_asked_again_where_nothing_has_begun(
    status: int, problem: dict[str, Any], error: type[ClientError], asked: int
) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status, json=problem, headers={"Retry-After": "0"})

    client = VitalClient(transport=httpx.MockTransport(answer), tenant_id="acme", user_id="ann")
    with client, pytest.raises(error, match=problem["detail"]):
        client.ask(**QUESTION)
    assert len(requests) == asked


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"null", b"\xff", b""], ids=["page", "list", "null", "bytes", "nothing"]
)
def test_what_is_no_engine_is_an_error_of_the_client(body: bytes) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body)

    client = VitalClient(transport=httpx.MockTransport(answer))
    with client, pytest.raises(ClientError, match="does not answer like an engine"):
        client.workflows()


@pytest.mark.parametrize("data", ["{", "[]", "{}", '{"run_id": "r", "seq": "x", "type": "t"}', "null"])
def test_an_event_that_cannot_be_read_is_an_error_of_the_client(data: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        headers = {"Content-Type": "text/event-stream"}
        return httpx.Response(200, content=f"data: {data}\n\n", headers=headers)

    with (
        VitalClient(transport=httpx.MockTransport(answer)) as client,
        client.stream("Why?") as events,
        pytest.raises(ClientError, match="event that cannot be read"),
    ):
        list(events)


def test_the_wait_is_what_the_engine_asks_for_or_ever_longer() -> None:
    rules, url = Retries(9, jitter=lambda: 1.0), httpx.URL("http://engine")
    refusal, retrying = httpx.Response(503), rules.begin(url)
    waits = [retrying.wait_seconds(run("run_1"), refusal) for _ in range(7)]
    assert waits == [0.25, 0.5, 1, 2, 4, 8, 8]

    def first_wait(retry_after: str) -> float:
        response = httpx.Response(503, headers={"Retry-After": retry_after})
        return rules.begin(url).wait_seconds(run("run_1"), response)

    assert first_wait("7") == 7
    assert first_wait("Fri, 27 Nov 2026 11:00:00 GMT") == 0.25
