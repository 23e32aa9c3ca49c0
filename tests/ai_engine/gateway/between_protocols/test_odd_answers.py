"""Answers that are legal and odd: each client gets what its protocol makes of them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from httpx_sse import EventSource
from tests.ai_engine.gateway.between_protocols.any_provider import (
    HELLO,
    MODEL,
    PROVIDERS,
    Gateway,
    OpenGateway,
    ProviderName,
    stream_of,
)
from tests.llm.wires.servers import gemini as gemini_server
from tests.llm.wires.servers.base import Reply, event

DONE = b"data: [DONE]\n\n"
CUT = '{"thing": "the'
CONTENTS = {"contents": [{"parts": [{"text": "Hello?"}]}]}
CLIENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"model": MODEL, "messages": HELLO}),
    "messages": ("/v1/messages", {"model": MODEL, "messages": HELLO, "max_tokens": 50}),
    "responses": ("/v1/responses", {"model": MODEL, "input": "Hello?"}),
    "contents": (f"/v1beta/models/{MODEL}", CONTENTS),
}


async def asked(given: Gateway, client: str, *, is_streamed: bool) -> httpx.Response:
    path, body = CLIENTS[client]
    if client == "contents":
        path += ":streamGenerateContent?alt=sse" if is_streamed else ":generateContent"
    else:
        body = body | {"stream": is_streamed}
    return await given.service.client.post(path, json=body)


def events_of(answer: httpx.Response) -> list[Any]:
    lines = (line[6:] for line in answer.text.splitlines() if line.startswith("data: "))
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return event({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more})


def piece(at: int, arguments: str, **begin: str) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": begin["name"]} if begin else {})
    call = {"index": at, "function": function}
    return {"tool_calls": [call | ({"id": begin["id"], "type": "function"} if begin else {})]}


def started(at: int, name: str, call_id: str) -> bytes:
    block = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
    return event({"type": "content_block_start", "index": at, "content_block": block}, "content_block_start")


def typed(at: int, text: str) -> bytes:
    delta = {"type": "input_json_delta", "partial_json": text}
    return event({"type": "content_block_delta", "index": at, "delta": delta}, "content_block_delta")


def stopped(at: int) -> bytes:
    return event({"type": "content_block_stop", "index": at}, "content_block_stop")


BEGIN = event(
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "usage": {"input_tokens": 5, "output_tokens": 1},
        },
    },
    "message_start",
)
END = [
    event(
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 6},
        },
        "message_delta",
    ),
    event({"type": "message_stop"}, "message_stop"),
]
COUNTED = event({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}})

PIECES: dict[str, list[bytes]] = {
    "openai": [
        chunk({"role": "assistant", "content": None} | piece(0, "", id="c1", name="weigh")),
        chunk(piece(0, '{"thing": "the')),
        chunk(piece(1, '{"deep', id="c2", name="measure")),
        chunk(piece(0, " moon\\")),
        chunk(piece(0, 'u00fc"}')),
        chunk(piece(1, '": [1, {"a": null}]}')),
        chunk(piece(2, "", id="c3", name="look")),
        chunk({}, "tool_calls"),
        COUNTED,
        DONE,
    ],
    "anthropic": [
        BEGIN,
        started(0, "weigh", "c1"),
        typed(0, ""),
        typed(0, '{"thing": "the'),
        typed(0, " moon\\"),
        typed(0, 'u00fc"}'),
        stopped(0),
        started(1, "measure", "c2"),
        typed(1, '{"deep'),
        typed(1, '": [1, {"a": null}]}'),
        stopped(1),
        started(2, "look", "c3"),
        stopped(2),
        *END,
    ],
    "gemini": [
        gemini_server.chunk(gemini_server.call("weigh", id="c1", args={"thing": "the moonü"})),
        gemini_server.chunk(gemini_server.call("measure", id="c2", args={"deep": [1, {"a": None}]})),
        gemini_server.chunk(gemini_server.call("look", id="c3")),
        gemini_server.chunk(
            finish="STOP",
            usage={"promptTokenCount": 5, "candidatesTokenCount": 6, "totalTokenCount": 11},
        ),
    ],
}
CALLS = [
    ("c1", "weigh", {"thing": "the moonü"}),
    ("c2", "measure", {"deep": [1, {"a": None}]}),
    ("c3", "look", {}),
]


Slots = dict[int, list[Any]]
"""Calls by their places: id, name, and the text of the arguments."""


def add_chat(made: Slots, sent: Any) -> None:
    deltas = [] if sent == "[DONE]" else [choice["delta"] for choice in sent["choices"]]
    for call in (call for delta in deltas for call in delta.get("tool_calls") or ()):
        slot = made.setdefault(call["index"], [call.get("id"), call["function"].get("name"), ""])
        slot[2] += call["function"].get("arguments") or ""


def add_message(made: Slots, sent: Any) -> None:
    if sent["type"] == "content_block_start":
        made[sent["index"]] = [sent["content_block"]["id"], sent["content_block"]["name"], ""]
    elif sent["type"] == "content_block_delta":
        made[sent["index"]][2] += sent["delta"]["partial_json"]


def add_response(made: Slots, sent: Any) -> None:
    if sent["type"] == "response.output_item.added":
        made[sent["output_index"]] = [sent["item"]["call_id"], sent["item"]["name"], ""]
    elif sent["type"] == "response.function_call_arguments.delta":
        made[sent["output_index"]][2] += sent["delta"]


def add_contents(made: Slots, sent: Any) -> None:
    for part in sent["candidates"][0].get("content", {}).get("parts", ()):
        if call := part.get("functionCall"):
            made[len(made)] = [call.get("id"), call["name"], json.dumps(call.get("args") or {})]


READERS = {
    "chat": add_chat,
    "messages": add_message,
    "responses": add_response,
    "contents": add_contents,
}


def calls_in(client: str, found: list[Any]) -> list[tuple[str, str, Any]]:
    """Put together the calls of a stream as a client of its protocol does."""
    made: Slots = {}
    for each in found:
        READERS[client](made, each)
    return [(call_id, name, json.loads(text or "{}")) for call_id, name, text in made.values()]


@pytest.mark.parametrize("wire", PIECES)
@pytest.mark.parametrize("client", CLIENTS)
async def test_parallel_calls_in_pieces_reach_every_client_whole(
    gateway: OpenGateway, client: str, wire: Any
) -> None:
    async with gateway(wire, Reply(PIECES[wire])) as given:
        answer = await asked(given, client, is_streamed=True)
        assert answer.status_code == 200, answer.text
        assert calls_in(client, events_of(answer)) == CALLS
        assert await given.tokens() == [(5, 6)]


@pytest.mark.parametrize("wire", PROVIDERS)
@pytest.mark.parametrize("name", ["TEXT", "TOOLS"])
async def test_the_events_of_a_response_are_numbered_as_they_come(
    gateway: OpenGateway, wire: ProviderName, name: str
) -> None:
    async with gateway(wire, stream_of(wire, name)) as given:
        sent = events_of(await asked(given, "responses", is_streamed=True))
        assert [each["sequence_number"] for each in sent] == list(range(len(sent)))
        assert [each["type"] for each in sent[:2]] == ["response.created", "response.in_progress"]


WHOLE_CHAT = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "weigh", "arguments": CUT}}
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11},
}


async def test_arguments_that_are_no_json_are_the_clients_own_in_a_chat(gateway: OpenGateway) -> None:
    said = [chunk(piece(0, CUT, id="c1", name="weigh")), chunk({}, "tool_calls"), COUNTED, DONE]
    whole = Reply([json.dumps(WHOLE_CHAT).encode()], content_type="application/json")
    async with gateway("openai", Reply(said), whole) as given:
        sent = events_of(await asked(given, "chat", is_streamed=True))
        assert sent == [json.loads(each[6:]) for each in said[:2]] + ["[DONE]"]
        answer = await asked(given, "chat", is_streamed=False)
        assert (answer.status_code, answer.json()) == (200, WHOLE_CHAT)
        assert await given.tokens() == [(5, 6)] * 2
        runs = (await given.service.client.get("/v1/runs")).json()["runs"]
        assert [run["status"] for run in runs] == ["completed"] * 2


async def test_arguments_that_are_no_json_are_the_clients_own_in_a_message(gateway: OpenGateway) -> None:
    said = [BEGIN, started(0, "weigh", "c1"), typed(0, CUT), stopped(0), *END]
    async with gateway("anthropic", Reply(said)) as given:
        sent = events_of(await asked(given, "messages", is_streamed=True))
        assert [each["type"] for each in sent][-2:] == ["message_delta", "message_stop"]
        assert "error" not in [each["type"] for each in sent]
        assert await given.tokens() == [(5, 6)]


async def test_arguments_that_are_no_json_cannot_be_translated(gateway: OpenGateway) -> None:
    said = [chunk(piece(0, CUT, id="c1", name="weigh")), chunk({}, "tool_calls"), COUNTED, DONE]
    async with gateway("openai", Reply(said)) as given:
        answer = await asked(given, "messages", is_streamed=False)
        assert (answer.status_code, answer.json()["error"]["type"]) == (502, "api_error")


async def test_the_calls_of_several_choices_are_not_mixed(gateway: OpenGateway) -> None:
    said = [
        *(chunk(piece(0, '{"a":', id=f"c{at}", name="weigh"), index=at) for at in (0, 1)),
        *(chunk(piece(0, " 1}"), index=at) for at in (1, 0)),
        *(chunk({}, "tool_calls", index=at) for at in (0, 1)),
        COUNTED,
        DONE,
    ]
    async with gateway("openai", Reply(said)) as given:
        sent = events_of(await asked(given, "chat", is_streamed=True))
        assert sent == [json.loads(each[6:]) for each in said[:-2]] + ["[DONE]"]
        assert await given.tokens() == [(5, 6)]


ODD_ENDS: dict[str, dict[str, Any]] = {
    "a call that is none": {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "index": 0}]},
    "an end for reasons of its own": {
        "candidates": [{"content": {"parts": [{"text": "It"}]}, "finishReason": "OTHER", "index": 0}]
    },
    "a refused prompt": {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
}
GEMINI_COUNTS = {"usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}, "modelVersion": "m"}


@pytest.mark.parametrize("name", ODD_ENDS)
@pytest.mark.parametrize("is_streamed", [True, False])
async def test_googles_clients_get_each_end_of_an_answer_as_it_came(
    gateway: OpenGateway, name: str, is_streamed: bool
) -> None:
    said = ODD_ENDS[name] | GEMINI_COUNTS
    reply = (
        Reply([event(said)])
        if is_streamed
        else Reply([json.dumps(said).encode()], content_type="application/json")
    )
    async with gateway("gemini", reply) as given:
        answer = await asked(given, "contents", is_streamed=is_streamed)
        assert answer.status_code == 200, answer.text
        assert (events_of(answer) if is_streamed else [answer.json()]) == [said]
        await given.service.engine.hub.drained()  # a stream ends before its run
        (run,) = (await given.service.client.get("/v1/runs")).json()["runs"]
        assert run["status"] == "completed"


@pytest.mark.parametrize("name", ODD_ENDS)
async def test_others_get_an_error_where_an_answer_of_gemini_went_wrong(
    gateway: OpenGateway, name: str
) -> None:
    async with gateway("gemini", Reply([event(ODD_ENDS[name] | GEMINI_COUNTS)])) as given:
        answer = await asked(given, "chat", is_streamed=False)
        assert answer.status_code == (400 if name == "a refused prompt" else 502)


@pytest.mark.parametrize(
    ("wire", "path", "body"),
    [
        ("openai", "/v1/chat/completions", {"model": MODEL, "messages": HELLO, "stream": True}),
        ("anthropic", "/v1/messages", {"model": MODEL, "messages": HELLO, "stream": True, "max_tokens": 9}),
        (
            "gemini",
            f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse",
            {"contents": {"parts": {"text": "A"}}},
        ),
    ],
)
async def test_an_event_in_several_lines_stays_one(
    gateway: OpenGateway, wire: ProviderName, path: str, body: Any
) -> None:
    reply = stream_of(wire)
    reply.parts = [
        bytes(part).replace(b',"', b',\ndata: "') for part in reply.parts if isinstance(part, bytes)
    ]
    async with gateway(wire, reply) as given:
        answer = await given.service.client.post(path, json=body)
        events = [event.data async for event in EventSource(answer).aiter_sse()]
        assert len([json.loads(data) for data in events if data != "[DONE]"]) > 1
        assert max(map(len, (data.splitlines() for data in events))) > 1
