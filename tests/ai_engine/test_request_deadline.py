"""The client's deadline: it bounds the wait for a turn, the run, and what the run asks of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.requests import Request
from tests.ai_engine.harness import Serve, Service, SteppedModel, asked

from ai_engine.request_deadline import deadline_of
from vital_shared.breaker import BREAKER_FAILURES
from vital_shared.deadline import call_seconds, preparation_seconds
from vital_shared.errors import InvalidRequest
from vital_shared.llm.base import CallStarted, ModelEvent, ModelRequest, ModelTimeout, Stop, TextDelta
from vital_shared.models.citation import Passage

SHORT = {"X-Request-Timeout": "0.3"}


def request(*headers: tuple[str, str]) -> Request:
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "headers": encoded})


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((), None),
        ((("X-Request-Timeout", "12.5"),), 12.5),
        ((("Prefer", "wait=10"),), 10),
        ((("Prefer", 'return=minimal; foo, wait = "7"'),), 7),
        ((("Prefer", "handling=lenient"), ("Prefer", "WAIT=3")), 3),
        ((("Prefer", "wait=10"), ("X-Request-Timeout", "2")), 2),
        ((("Prefer", "respond-async, wait=10"),), None),  # the wait before it goes on in the background
        ((("Prefer", "wait=soon"),), None),
        ((("Prefer", "await=5"),), None),
        ((("Prefer", "wait=0"),), None),
    ],
)
def test_the_deadline_is_read_from_either_header(headers, seconds) -> None:
    deadline = deadline_of(request(*headers))
    assert (deadline and deadline.seconds) == seconds


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "inf", "", "10s"])
async def test_a_timeout_that_is_no_number_of_seconds_is_refused(service: Service, value: str) -> None:
    with pytest.raises(InvalidRequest, match="number of seconds above 0"):
        deadline_of(request(("X-Request-Timeout", value)))
    answer = await service.ask(headers={"X-Request-Timeout": value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "X-Request-Timeout"


async def test_a_run_ends_at_the_clients_deadline(service: Service, model: SteppedModel) -> None:
    model.step()  # its first word is out, so that no other model may answer
    answer = await service.ask(model="stepped", headers=SHORT)
    assert answer.status_code == 504
    assert "longer than 0.3 seconds" in answer.json()["detail"]
    assert service.engine.hub.active == 0


async def test_a_run_whose_client_comes_back_with_its_key_goes_on(
    service: Service, model: SteppedModel
) -> None:
    headers = SHORT | {"Idempotency-Key": "once"}
    asking = asyncio.create_task(service.ask(model="stepped", headers=headers))
    await model.asked.wait()
    await asyncio.sleep(0.4)  # past the deadline
    model.finish()
    assert (await asking).status_code == 200


async def test_a_request_that_waits_for_its_turn_is_refused_at_its_deadline(
    serve: Serve, model: SteppedModel
) -> None:
    service = await serve([model], settings={"max_concurrent_runs": 1})
    first = asyncio.create_task(service.ask(model="stepped"))
    await model.asked.wait()
    refused = await service.ask("Another?", headers={"Prefer": "wait=1"})
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert service.engine.hub.waiting == 0
    model.finish()
    assert (await first).status_code == 200


async def test_a_follower_of_an_equal_run_waits_no_longer_than_its_own_client(
    service: Service, model: SteppedModel
) -> None:
    leader = asyncio.create_task(service.ask(model="stepped", headers={"X-Request-Timeout": "30"}))
    await model.asked.wait()
    patient = asyncio.create_task(service.ask(model="stepped", headers={"X-Request-Timeout": "30"}))
    impatient = await service.ask(model="stepped", headers=SHORT)
    assert impatient.status_code == 504
    model.finish()
    model.finish()
    assert {(await each).status_code for each in (leader, patient)} == {200}


class TimedModel:
    """A model that notes the time that a call of its own would get, and then has none."""

    name = "timed"
    calls_tools = False

    def __init__(self) -> None:
        self.seconds = 0.0

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        self.seconds = call_seconds(180)
        raise ConnectionError
        yield


class TimedSource:
    """A source that notes the time that it gets, and answers never."""

    name = "memory2"

    def __init__(self) -> None:
        self.seconds = 0.0

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        self.seconds = preparation_seconds(60)
        await asyncio.Event().wait()
        return ()


class UnhurriedModel:
    """A model that takes a second; where its call gets less it times out early, which leaves a slow machine time."""

    name = "unhurried"
    calls_tools = False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        seconds = call_seconds(180)
        if seconds < 1:
            raise ModelTimeout("It was not done in time.", model=self.name)
        await asyncio.sleep(1)
        yield CallStarted(prompt="")
        yield TextDelta(text="In time.")
        yield Stop(reason="end")


async def test_clients_with_short_deadlines_do_not_open_the_breaker_for_others(serve: Serve) -> None:
    service = await serve([UnhurriedModel()])
    for _ in range(BREAKER_FAILURES + 1):
        hasty = await service.ask(model="unhurried", headers={"X-Request-Timeout": "1"})
        assert "llm_fallback" in hasty.json()["degradation_reasons"]
    patient = await service.ask(model="unhurried")
    assert patient.json()["model"] == "unhurried"
    assert not service.engine.services.breakers.left_alone


async def test_calls_and_searches_get_no_more_than_the_rest_of_the_time(serve: Serve) -> None:
    model, source = TimedModel(), TimedSource()
    service = await serve([model], sources=[source])
    answer = await service.ask(model="timed", headers={"X-Request-Timeout": "2"})
    assert answer.status_code == 200, answer.text  # the search that hangs, and the model, left time for it
    assert "rag_timeout" in answer.json()["degradation_reasons"]
    assert 0 < source.seconds <= 1
    assert 0 < model.seconds <= 0.9 * 2
    unbounded = await service.client.post("/v1/runs", json=asked(model="timed", enable_rag=False))
    assert unbounded.status_code == 200
    assert model.seconds == 180
