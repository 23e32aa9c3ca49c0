"""Uses of the clients that are a little wrong, or unusual: what comes is one of their errors, in one sentence."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.ai_engine.harness import Serve, Service
from tests.vital_client.test_client import QUESTION, url_of

from vital_client import (
    AsyncVitalClient,
    BudgetSpent,
    ClientError,
    EngineUnreachable,
    RequestFailed,
    RunWithoutAnswer,
    TooManyRequests,
    VitalClient,
    WaitTimeout,
)
from vital_client.polls import Polls
from vital_shared.testing import CannedModel

KEY = "vital_0123456789abcdef_" + "0" * 64
ODD = "Größe\u2028\u2029\x85\x0c\x1c\x0b 🩺 \r\n ende"


def answering(answer: Callable[[httpx.Request], httpx.Response], **options: Any) -> VitalClient:
    return VitalClient(transport=httpx.MockTransport(answer), tenant_id="acme", user_id="ann", **options)


@pytest.mark.parametrize("kind", [VitalClient, AsyncVitalClient])
@pytest.mark.parametrize("address", ["127.0.0.1:8000", "localhost", "", "ftp://engine", "http://", "//x"])
def test_an_address_that_is_none_is_refused_at_once(kind: Any, address: str) -> None:
    with pytest.raises(ClientError, match="must begin with http:// or https://"):
        kind(address)


@pytest.mark.parametrize("kind", [VitalClient, AsyncVitalClient])
def test_a_key_that_cannot_be_sent_is_refused_and_never_shown(kind: Any) -> None:
    for key in (KEY + "\nx", KEY + "ä", KEY + "\x00"):
        with pytest.raises(ClientError, match="The key holds a character") as caught:
            kind(key=key)
        assert KEY not in str(caught.value)
    with pytest.raises(ClientError, match="tenant_id holds a character"):
        kind(tenant_id="größe\n")


def test_a_key_from_a_file_may_end_with_a_line_break() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(200, json={"workflows": []})

    with answering(answer, key=f"{KEY}\n") as client:
        client.workflows()
    assert seen == [f"Bearer {KEY}"]


@pytest.mark.parametrize("base", ["http://host/ai", "http://host/ai/", " http://host/ai/\n"])
def test_an_engine_may_be_below_a_path(base: str) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json={"workflows": []})

    with VitalClient(base, transport=httpx.MockTransport(answer)) as client:
        client.workflows()
    assert seen == ["http://host/ai/v1/workflows"]


@pytest.mark.parametrize(
    "field", [{1, 2}, object(), float("nan"), "half \ud83d"], ids=["set", "object", "nan", "half"]
)
def test_a_field_that_is_no_json_is_named(field: Any) -> None:
    with answering(lambda _: httpx.Response(200)) as client:
        with pytest.raises(ClientError, match=r"^The question .*\.$"):
            client.ask("Why?", mode=2, extra=field)
        with pytest.raises(ClientError, match="The question"), client.stream("Why?", extra=field) as events:
            next(events)
        with pytest.raises(ClientError, match="Idempotency-Key holds a character"):
            client.ask("Why?", idempotency_key="schlüssel")


def test_a_closed_client_says_so() -> None:
    client = answering(lambda _: httpx.Response(200))
    client.close()
    client.close()
    with pytest.raises(ClientError, match="closed"):
        client.workflows()
    with pytest.raises(ClientError, match="closed"), client.stream("Why?") as events:
        next(events)


async def test_a_closed_async_client_says_so() -> None:
    client = AsyncVitalClient()
    await client.aclose()
    with pytest.raises(ClientError, match="closed"):
        await client.workflows()
    with pytest.raises(ClientError, match="closed"):
        async with client.stream("Why?") as events:
            await anext(events)


def test_an_async_client_belongs_to_one_event_loop() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"workflows": []})

    client = AsyncVitalClient(transport=httpx.MockTransport(answer))
    assert asyncio.run(client.workflows()) == ()
    with pytest.raises(ClientError, match="another event loop"):
        asyncio.run(client.workflows())


async def test_one_client_serves_several_threads(service: Service) -> None:
    barrier = threading.Barrier(8)

    def ask(client: VitalClient, number: int) -> str:
        barrier.wait(30)
        with client.stream(f"How long does it take? {number}", mode=2, model="canned") as events:
            texts = [event.text for event in events]
        return "".join(texts)

    with (
        VitalClient(url_of(service), tenant_id="acme", user_id="ann") as client,
        ThreadPoolExecutor(8) as pool,
    ):
        loop = asyncio.get_running_loop()
        texts = await asyncio.gather(*(loop.run_in_executor(pool, ask, client, each) for each in range(8)))
    assert all(text.startswith("It takes 42 days") for text in texts)


@pytest.mark.parametrize("kind", ["page", "json", "packed"])
def test_a_stream_of_what_is_no_engine_is_given_up_at_once(kind: str) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        headers = {
            "page": {"Content-Type": "text/html"},
            "json": {"Content-Type": "application/json"},
            "packed": {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"},
        }
        return httpx.Response(200, headers=headers[kind], stream=httpx.ByteStream(b"<html>"))

    with answering(answer) as client:
        for opened in (client.follow("run_1"), client.stream("Why?", idempotency_key="once")):
            with opened as events, pytest.raises(ClientError, match="does not answer like an engine"):
                next(events)
        if kind == "packed":
            with pytest.raises(ClientError, match="does not answer like an engine"):
                client.workflows()
    assert len(asked) == (3 if kind == "packed" else 2)


@pytest.mark.parametrize("retry_after", ["86400", "61", "inf"])
def test_an_engine_that_asks_for_a_day_is_not_waited_for(retry_after: str) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(
            429, json={"detail": "The month's limit is reached."}, headers={"Retry-After": retry_after}
        )

    with answering(answer) as client, pytest.raises(TooManyRequests, match="limit is reached") as caught:
        client.ask(**QUESTION)
    assert caught.value.retry_after_seconds == float(retry_after)
    assert len(asked) == 1


def test_a_password_in_the_address_is_not_shown() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("All connection attempts failed.", request=request)

    client = VitalClient("http://ann:secret@host/ai", transport=httpx.MockTransport(answer), retries=0)
    with client, pytest.raises(EngineUnreachable) as caught:
        client.workflows()
    assert str(caught.value) == "http://host/ai/ cannot be reached: All connection attempts failed."


def test_an_engine_that_is_silent_is_said_to_be() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    with (
        answering(answer, retries=0) as client,
        pytest.raises(EngineUnreachable, match="not answered in time"),
    ):
        client.ask(**QUESTION)


def test_a_redirect_names_the_other_address() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(308, headers={"Location": "https://ann:secret@host/v1/workflows"})

    with answering(answer) as client, pytest.raises(RequestFailed) as caught:
        client.workflows()
    assert str(caught.value).endswith("leads to https://host/v1/workflows: use that as the address.")


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_wait_is_bounded_while_the_engine_is_silent() -> None:
    patience: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        patience.append(request.extensions["timeout"]["read"])
        raise httpx.ReadTimeout("", request=request)

    with answering(answer) as client, pytest.raises(WaitTimeout, match="has not ended within 0 seconds"):
        client.wait("run_1", timeout_seconds=0)
    assert patience == [1.0]


async def test_an_async_wait_is_bounded_while_the_engine_is_silent() -> None:
    patience: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        patience.append(request.extensions["timeout"]["read"])
        raise httpx.ReadTimeout("", request=request)

    async with AsyncVitalClient(transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(WaitTimeout):
            await client.wait("run_1", timeout_seconds=0)
    assert patience == [1.0]


def test_a_look_takes_no_longer_than_the_wait() -> None:
    clock = Clock()
    polls = Polls("run_1", 10.0, now=clock)
    assert (polls.look_seconds(), polls.limit(30.0)) == (10.0, 10.0)
    clock.seconds += 9.5
    assert (polls.look_seconds(), polls.limit(30.0)) == (1.0, 0.5)
    clock.seconds += 1
    with pytest.raises(WaitTimeout):
        polls.limit(0.1)
    assert Polls("run_1", None).look_seconds() is None


@pytest.mark.parametrize(
    "error",
    [
        ClientError("It is so."),
        EngineUnreachable("It is so."),
        RunWithoutAnswer("It is so.", run_id="run_1", error_type="cancelled", node="answer"),
        WaitTimeout("run_1", 3.0),
        BudgetSpent(402, {"detail": "It is so.", "run_id": "run_1"}, retry_after_seconds=3.0),
    ],
)
def test_errors_cross_processes(error: ClientError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


async def test_long_and_odd_texts_come_back_whole(serve: Serve) -> None:
    service = await serve([CannedModel(ODD * 2_000, name="odd")])
    async with AsyncVitalClient(url_of(service), tenant_id="acme", user_id="ann") as client:
        async with client.stream(ODD, mode=2, model="odd") as events:
            seen = [event async for event in events]
        answer = seen[-1].answer
        assert answer is not None
        assert answer.text.count("\u2028") == answer.text.count("🩺") == 2_000
        assert "".join(event.text for event in seen) == answer.text
        run = await client.run(answer.run_id)
        assert run.request["query"] == ODD
        assert run.answer is not None
        assert run.answer.text == answer.text
