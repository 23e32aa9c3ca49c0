"""Both clients against the real engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.ai_engine.harness import SUM, Serve, Service, SteppedModel

from vital_client import (
    AccessDenied,
    AsyncVitalClient,
    BadRequest,
    ClientError,
    Contradicted,
    EngineOverloaded,
    EngineUnreachable,
    KeyRefused,
    RunWithoutAnswer,
    StreamEvent,
    TooManyRequests,
    Unknown,
    VitalClient,
)
from vital_client.calls import run
from vital_client.retries import Retries

QUESTION: dict[str, Any] = {"query": "How long?", "mode": 2, "model": "canned"}


def url_of(service: Service) -> str:
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture
async def client(service: Service) -> AsyncIterator[AsyncVitalClient]:
    async with AsyncVitalClient(url_of(service), tenant_id="acme", user_id="ann") as client:
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


async def test_an_answer_comes_with_what_it_cost(client: AsyncVitalClient) -> None:
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
    assert (await client.run(answer.run_id))["user_id"] == "ann"


async def test_it_streams_the_events_of_a_run(client: AsyncVitalClient) -> None:
    async with client.stream(**QUESTION) as events:
        seen = [event async for event in events]
    assert [event.seq for event in seen] == [*range(1, len(seen) + 1)]
    answer = seen[-1].answer
    assert answer is not None
    assert "".join(event.text for event in seen) == answer.text


async def test_without_an_event_loop_it_is_the_same(service: Service) -> None:
    def use() -> list[StreamEvent]:
        with VitalClient(url_of(service), tenant_id="acme", user_id="ann") as client:
            assert client.ask(**QUESTION).text.startswith("It takes 42 days")
            waiting = client.ask(SUM, mode=1, model="canned")
            assert waiting.is_waiting
            assert client.resume(waiting.run_id, approved="all").text
            assert client.runs(limit=1)["runs"]
            assert client.workflows()
            with pytest.raises(Unknown):
                client.answer("run_none")
            with client.stream(**QUESTION) as events:
                seen = list(events)
            with client.follow(seen[0].run_id, after=seen[-2].seq) as rest:
                assert [event.seq for event in rest] == [seen[-1].seq]
            with client.follow(seen[0].run_id, after=seen[-1].seq) as rest:
                assert list(rest) == []
            return seen

    seen = await asyncio.to_thread(use)
    assert seen[-1].type == "run_finished"


async def test_a_waiting_run_is_approved_edited_or_denied(client: AsyncVitalClient) -> None:
    waiting = await client.ask(SUM, mode=1, model="canned")
    (call,) = waiting.suggested_tools
    edited = await client.resume(waiting.run_id, edited={call["id"]: {"expression": "6 * 7"}})
    assert "42" in edited.fields["tool_results"][0]["content"]
    waiting = await client.ask(SUM, mode=1, model="canned")
    denied = await client.resume(waiting.run_id, denied={waiting.suggested_tools[0]["id"]: "We have it."})
    assert not denied.fields["tool_results"] or denied.fields["tool_results"][0]["status"] != "success"
    with pytest.raises(Contradicted):
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
    client: AsyncVitalClient, model: SteppedModel
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
    with pytest.raises(Contradicted):
        await client.cancel(run_id)


async def test_feedback_takes_the_kind_of_its_value(client: AsyncVitalClient) -> None:
    run_id = (await client.ask(**QUESTION)).run_id
    given = [
        await client.give_feedback(run_id, True, comment="Right."),
        await client.give_feedback(run_id, 0.5, name="tone"),
        await client.give_feedback(run_id, "Too short.", name="length"),
        await client.give_feedback(run_id, "41 days", kind="correction", name="text"),
    ]
    assert [each["kind"] for each in given] == ["boolean", "number", "text", "correction"]


async def test_runs_are_listed_by_filters(client: AsyncVitalClient) -> None:
    answer = await client.ask(**QUESTION)
    found = await client.runs(
        status="completed", degraded=bool(answer.degradation_reasons), start="2026-01-01"
    )
    assert [run["id"] for run in found["runs"]] == [answer.run_id]
    assert (await client.runs(end="2026-01-01"))["runs"] == []
    assert (await client.runs(status="failed"))["runs"] == []


async def test_what_is_wrong_with_a_request_is_said_in_one_sentence(client: AsyncVitalClient) -> None:
    with pytest.raises(BadRequest, match="query must not be blank"):
        await client.ask("  ", mode=2)
    with pytest.raises(BadRequest) as caught:
        await client.ask("Why?", mode=7)
    assert caught.value.problem["errors"][0]["field"] == "mode"
    with pytest.raises(Unknown):
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
    with client, pytest.raises(ClientError, match="does not answer as an engine does"):
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

    retries, url = Retries(9, jitter=lambda: 1.0), httpx.URL("http://engine")

    def wait(attempt: int, **headers: str) -> float:
        return retries.wait_seconds(run("run_1"), attempt, httpx.Response(503, headers=headers), url)

    assert [wait(attempt) for attempt in range(1, 8)] == [0.25, 0.5, 1, 2, 4, 8, 8]
    assert wait(1, **{"Retry-After": "7"}) == 7
    assert wait(1, **{"Retry-After": "Fri, 27 Nov 2026 11:00:00 GMT"}) == 0.25
