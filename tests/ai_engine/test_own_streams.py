"""Values that own nodes yield, over HTTP: streamed, resumed, at any worker."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from ag_ui.core import EventType
from tests.ai_engine.api.test_agui import asked as agui_asked
from tests.ai_engine.api.test_agui import read
from tests.ai_engine.harness import Serve, asked, sse
from tests.ai_engine.supervisor.engine import running_engine

from vital_shared import Done

SOURCE = """
from collections.abc import AsyncIterator

from vital_shared import Answer, BaseWorkflow, Done, node


class Report(BaseWorkflow):
    @node
    async def outline(self, query: str) -> AsyncIterator[object | Done[int]]:
        for number in range(3):
            yield {"number": number, "odd": (query, None)}
        yield Done(3)

    @node
    async def answer(self, outline: int) -> AsyncIterator[str | Done[Answer]]:
        yield "Three "
        yield "parts."
        yield Done(Answer(text="Three parts."))
"""
STREAM = {"Accept": "text/event-stream"}
QUESTION = asked("Report!", model=None, enable_tools=False, enable_rag=False)
YIELDED = [{"number": number, "odd": ["Report!", None]} for number in range(3)]


def report():
    names: dict = {"__name__": __name__}
    exec(SOURCE, names)
    return names["Report"]


def values(events):
    return [event["value"] for event in events if event["type"] == "node_yielded"]


async def test_the_stream_the_resumption_and_the_answer_are_those_of_the_library(serve: Serve) -> None:
    service = await serve(settings={"workflow": report()})
    events = await service.events(json=QUESTION)
    assert values(events) == YIELDED
    assert "".join(event["text"] for event in events if event["type"] == "token") == "Three parts."
    path = f"/v1/runs/{events[0]['run_id']}/events"
    for last in range(len(events)):
        assert await service.events(path, headers={"Last-Event-ID": str(last)}) == events[last:]
    assert (await service.client.post("/v1/runs", json=QUESTION)).json()["response"] == "Three parts."


async def test_over_agui_it_is_a_custom_event(serve: Serve) -> None:
    service = await serve(settings={"workflow": report()})
    response = await service.client.post("/v1/agui", params={"mode": "2"}, json=agui_asked("Report!"))
    events = read(response.text)
    found = [
        event.value for event in events if event.type == EventType.CUSTOM and event.name == "node_yielded"
    ]
    assert found == [{"node": "outline", "item": None, "value": value} for value in YIELDED]
    text = [event.delta for event in events if event.type == EventType.TEXT_MESSAGE_CONTENT]
    assert "".join(text) == "Three parts."


async def test_a_value_that_json_cannot_hold_fails_its_run_and_no_other(serve: Serve) -> None:
    class Odd(report()):  # made at run time
        async def outline(self, query: str) -> AsyncIterator[object | Done[int]]:
            yield object() if "odd" in query else "fine"
            yield Done(3)

    service = await serve(settings={"workflow": Odd})
    odd = await service.events(json=QUESTION | {"query": "An odd one."})
    assert (odd[-1]["type"], odd[-1]["node"]) == ("run_failed", "outline")
    assert "node 'outline' yields a value of type object" in odd[-1]["message"]
    fine = await service.events(json=QUESTION)
    assert (fine[-1]["type"], values(fine)) == ("run_finished", ["fine"])


async def test_the_schema_of_events_has_it(serve: Serve) -> None:
    service = await serve()
    schemas = (await service.client.get("/openapi.json")).json()["components"]["schemas"]
    assert "node_yielded" in json.dumps(schemas["RunEvent"])


@pytest.mark.thorough
async def test_a_stream_goes_on_at_the_other_worker(tmp_path) -> None:
    (tmp_path / "report.py").write_text(SOURCE)
    async with running_engine(tmp_path, VITAL_WORKFLOW=f"{tmp_path / 'report.py'}:Report") as engine:
        followed = set()
        async with (
            engine.client() as client,
            client.stream("POST", "/v1/runs", json=QUESTION, headers=STREAM) as response,
        ):
            events = [event async for event in sse(response)]
        assert values(events) == YIELDED
        while len(followed) < 2:
            async with engine.client() as client:
                path = f"/v1/runs/{events[0]['run_id']}/events"
                async with client.stream("GET", path, headers=STREAM | {"Last-Event-ID": "2"}) as response:
                    assert [event async for event in sse(response)] == events[2:]
            line = await engine.logged("request", request_id=response.headers["x-request-id"])
            followed.add(line["worker"])


WAITING = """
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from vital_shared import Done, Workflow, node


class Waiting(Workflow):
    @node
    async def outline(self, query: str) -> AsyncIterator[int | Done[int]]:
        for number in range(3):
            yield number
        while not Path(query).exists():
            await asyncio.sleep(0.01)
        for number in range(3, 6):
            yield number
        yield Done(6)

    @node
    async def answer(self, outline: int) -> AsyncIterator[str | Done[str]]:
        yield "Six "
        yield "parts."
        yield Done("Six parts.")
"""


@pytest.mark.thorough
async def test_a_run_under_way_is_followed_at_the_other_worker_without_gap_or_repetition(tmp_path) -> None:
    (tmp_path / "waiting.py").write_text(WAITING)
    gate = tmp_path / "gate"
    async with (
        running_engine(tmp_path, VITAL_WORKFLOW=f"{tmp_path / 'waiting.py'}:Waiting") as engine,
        engine.client() as client,
        client.stream(
            "POST", "/v1/workflows/waiting/runs", json=QUESTION | {"query": str(gate)}, headers=STREAM
        ) as response,
    ):
        reading = sse(response)
        first: list[dict] = []
        while values(first) != [0, 1, 2]:
            first.append(await anext(reading))
        path, last = f"/v1/runs/{first[0]['run_id']}/events", first[-1]["seq"]
        async with AsyncExitStack() as stack:
            streams = []
            for _ in range(8):  # each has a connection of its own: both workers get some
                follower = await stack.enter_async_context(engine.client())
                headers = STREAM | {"Last-Event-ID": str(last)}
                streams.append(await stack.enter_async_context(follower.stream("GET", path, headers=headers)))
            gate.touch()  # it goes on while they follow
            rests = [[event async for event in sse(stream)] for stream in streams]
        whole = first + [event async for event in reading]
        lines = [
            await engine.logged("request", request_id=stream.headers["x-request-id"]) for stream in streams
        ]
    assert values(whole) == [0, 1, 2, 3, 4, 5]
    assert whole[-1]["type"] == "run_finished"
    assert [event["seq"] for event in whole] == list(range(1, len(whole) + 1))
    assert len({line["worker"] for line in lines}) == 2
    for rest in rests:
        assert rest == whole[len(first) :]
