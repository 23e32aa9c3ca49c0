"""What the nodes of a workflow class of one's own yield, over HTTP: streamed, resumed, at any worker."""

import json
from collections.abc import AsyncIterator

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
