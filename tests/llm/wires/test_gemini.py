"""Gemini's protocol: what is read."""

import asyncio

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from tests.llm.wires.conftest import (
    CHAT,
    WITH_TOOLS,
    collect,
    counted,
    decoded,
    reasoning,
    stopped,
    text,
    turn,
)
from tests.llm.wires.servers.base import Reply, event, serve
from tests.llm.wires.servers.gemini import (
    BLOCKED,
    SAID,
    TEXT,
    TOOLS,
    USAGE,
    call,
    chunk,
    error,
    invalid_key,
    problem,
    quota,
    retry_info,
    stream,
)

from vital_shared.llm.base import (
    ModelError,
    ModelRateLimited,
    ModelRejected,
    ModelTimeout,
    ModelToolCall,
    ModelTurn,
    ModelUnavailable,
    Stop,
    Usage,
)
from vital_shared.llm.wires.base import ToolOutput, ToolTurn
from vital_shared.llm.wires.gemini import GeminiWire
from vital_shared.llm.wires.provider import Provider
from vital_shared.llm.wires.timing import Timeouts

KEY = SecretStr("AIza-secret")
CALLS = (
    ModelToolCall(id="fc_1", name="weigh", arguments={"thing": "the moon"}),
    ModelToolCall(id="fc_2", name="measure", arguments={}),
)


@pytest.fixture
async def ask(no_sleep):
    made = []

    async def once(server, chat=CHAT, **more):
        more = {"key": KEY, "attempts": 1, "sleep": no_sleep} | more
        made.append(Provider("gemini", GeminiWire(), base_url=server.url, **more))
        return await collect(made[-1], chat)

    yield once
    for each in made:
        await each.aclose()


def read(parts):
    return decoded(GeminiWire(), parts)[0]


async def test_text_usage_and_the_end(ask):
    async with serve(stream(TEXT)) as server:
        events = await ask(server)
    (request,) = server.requests
    assert request.path == "/v1beta/models/test:streamGenerateContent?alt=sse"
    assert request.headers["x-goog-api-key"] == "AIza-secret"
    assert text(events) == SAID
    assert counted(events) == [
        Usage(input_tokens=120, cached_input_tokens=70),  # should the stream break off
        Usage(input_tokens=120, cached_input_tokens=70, output_tokens=40, reasoning_tokens=15),
    ]
    assert stopped(events) == Stop(reason="end", request_id="response-1")


async def test_calls_of_tools_are_a_reason_of_their_own_though_gemini_just_says_stop(ask):
    async with serve(stream(TOOLS)) as server:
        events = await ask(server, WITH_TOOLS)
    assert reasoning(events) == "Hm. So."
    assert text(events) == "Let me see."
    assert [event for event in events if isinstance(event, ModelToolCall)] == list(CALLS)
    assert (turn(events).text, turn(events).calls) == ("Let me see.", CALLS)
    assert stopped(events) == Stop(reason="tool_calls", request_id="response-1")


async def test_a_tool_loop_gives_the_parts_back_with_their_signatures(ask):
    async with serve(stream(TOOLS), stream(TEXT)) as server:
        first = await ask(server, WITH_TOOLS)
        said = ModelTurn.model_validate_json(turn(first).model_dump_json())  # as a checkpoint keeps it
        outputs = (
            ToolOutput(id="fc_1", name="weigh", text="12 kg"),
            ToolOutput(id="fc_2", name="measure", text="It broke.", failed=True),
        )
        again = WITH_TOOLS.model_copy(update={"turns": (*CHAT.turns, said, ToolTurn(outputs=outputs))})
        assert text(await ask(server, again)) == SAID
    _, model, user = server.requests[1].body["contents"]
    assert model == {
        "role": "model",
        "parts": [
            {"text": "Hm. So.", "thought": True},
            {"text": "Let me see."},
            call("weigh", "c2lnbmVk", id="fc_1", args={"thing": "the moon"}),
            call("measure", id="fc_2", args={}),
            {"text": ""},
        ],
    }
    assert [part["functionResponse"] for part in user["parts"]] == [
        {"id": "fc_1", "name": "weigh", "response": {"output": "12 kg"}},
        {"id": "fc_2", "name": "measure", "response": {"error": "It broke."}},
    ]


def test_calls_without_ids_get_ones_that_no_other_call_has():
    parts = [chunk(call("weigh"), call("weigh", args={"thing": "x"}), finish="STOP", usage=USAGE)]
    first, second = turn(read(parts)), turn(read(parts))
    ids = [each.id for each in (*first.calls, *second.calls)]
    assert len(set(ids)) == 4
    assert [part["functionCall"]["id"] for part in first.native] == ids[:2]  # so that the results fit them
    assert [each.arguments for each in first.calls] == [{}, {"thing": "x"}]


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("STOP", "end"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "recitation"),
        ("IMAGE_RECITATION", "recitation"),
        ("IMAGE_SAFETY", "content_filter"),
        ("LANGUAGE", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("max_tokens", "length"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
    ],
)
def test_reasons_of_the_end(finish, reason):
    assert read([chunk({"text": "x"}), chunk(finish=finish)])[-1].reason == reason


@pytest.mark.parametrize("finish", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER", "NEW"])
def test_an_answer_gone_wrong_may_be_asked_for_again(finish):
    with pytest.raises(ModelUnavailable, match=f"went wrong: {finish}") as caught:
        read([chunk({"text": "x"}, finish=finish)])
    assert caught.value.request_id == "response-1"
    with pytest.raises(ModelUnavailable, match=r"went wrong: Malformed function call: weigh\(\.$"):
        read([chunk(finish=finish, finishMessage="Malformed function call: weigh(.")])


def test_a_call_that_the_limit_came_after_is_not_made():
    events = read([chunk(call("weigh", id="1", args={}), finish="MAX_TOKENS")])
    assert [event for event in events if isinstance(event, ModelToolCall | ModelTurn)] == []


def test_older_models_say_stop_in_each_chunk():
    assert text(read([chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"}, finish="STOP")])) == "ab"


def test_chunks_without_parts_and_parts_not_known_yet_are_passed_over():
    bare = event({"candidates": [{"content": {"role": "model"}, "index": 0}]})
    later = chunk({"executableCode": {"language": "PYTHON", "code": "1"}})
    assert text(read([bare, event({"usageMetadata": USAGE}), later, *TEXT])) == SAID


@given(st.lists(st.integers(1, 60), min_size=1), st.sampled_from([TEXT, TOOLS]))
@settings(max_examples=60, deadline=None)
def test_however_the_bytes_are_cut_the_events_are_the_same(sizes, parts):
    whole, cut, at = b"".join(parts).replace(b"\n", b"\r\n"), [], 0  # Google ends its lines so
    while at < len(whole):
        size = sizes[len(cut) % len(sizes)]
        cut.append(whole[at : at + size])
        at += size
    assert read(cut) == read([whole]) == read(parts)


async def test_byte_by_byte_over_the_network(ask):
    whole = b"".join(TOOLS)
    async with serve(stream([whole[i : i + 1] for i in range(len(whole))])) as server:
        assert turn(await ask(server, WITH_TOOLS)).calls == CALLS


@pytest.mark.parametrize(
    ("parts", "request_id"),
    [(TEXT[:3], "response-1"), ([*TEXT[:3], ConnectionError], None), ([], None)],
)
async def test_a_stream_that_breaks_off_is_no_answer(ask, parts, request_id):
    async with serve(stream(parts)) as server:
        with pytest.raises(ModelUnavailable, match="broke off") as caught:
            await ask(server)
    assert caught.value.request_id == request_id


@pytest.mark.parametrize(("parts", "message"), [([], "did not begin"), (TEXT[:3], "fell silent")])
async def test_a_stream_that_stalls_is_late(ask, parts, message):
    async with serve(stream([*parts, asyncio.Event()])) as server:
        with pytest.raises(ModelTimeout, match=message):
            await ask(server, timeouts=Timeouts(first_token=0.05, between_tokens=0.05))


async def test_a_prompt_that_the_filter_refuses_is_rejected(ask):
    async with serve(stream(BLOCKED)) as server:
        with pytest.raises(ModelRejected, match="PROHIBITED_CONTENT") as caught:
            await ask(server)
    assert caught.value.request_id == "response-1"


ERRORS = [
    (400, "INVALID_ARGUMENT", ModelRejected),
    (400, "FAILED_PRECONDITION", ModelRejected),
    (401, "UNAUTHENTICATED", ModelRejected),
    (403, "PERMISSION_DENIED", ModelRejected),
    (404, "NOT_FOUND", ModelRejected),
    (429, "RESOURCE_EXHAUSTED", ModelRateLimited),
    (500, "INTERNAL", ModelUnavailable),
    (503, "UNAVAILABLE", ModelUnavailable),
    (504, "DEADLINE_EXCEEDED", ModelTimeout),
]


@pytest.mark.parametrize(("code", "status", "expected"), ERRORS)
async def test_every_error_by_its_status(ask, code, status, expected):
    async with serve(error(code, status, "The reason.")) as server:
        with pytest.raises(ModelError, match="The reason") as caught:
            await ask(server)
    assert type(caught.value) is expected
    assert caught.value.model == "gemini:test"


@pytest.mark.parametrize(("code", "status", "expected"), ERRORS)
@pytest.mark.parametrize("before", [0, 3])
async def test_every_error_within_a_stream_by_its_code(ask, code, status, expected, before):
    async with serve(stream([*TEXT[:before], event(problem(code, status, "The reason."))])) as server:
        with pytest.raises(ModelError, match="The reason") as caught:
            await ask(server)
    assert type(caught.value) is expected


async def test_a_200_with_an_error_inside_is_an_error(ask):
    said = orjson.dumps([problem(503, "UNAVAILABLE", "Overloaded")])
    async with serve(Reply([said], content_type="application/json")) as server:
        with pytest.raises(ModelUnavailable, match="Overloaded"):
            await ask(server)


@pytest.mark.parametrize("said", [b"<html>", b"[]", b'{"error": "x"}', b'{"error": {"details": [1]}}'])
async def test_what_somebody_in_between_answers_is_an_error_too(ask, said):
    async with serve(Reply([said], content_type="text/html")) as server:
        with pytest.raises(ModelUnavailable):
            await ask(server)


@pytest.mark.parametrize("data", [b"{oops", b"[1]", b'{"candidates": [1]}', b'{"candidates": "a"}'])
async def test_what_cannot_be_read_is_no_answer(ask, data):
    async with serve(stream([b"data: " + data + b"\n\n"])) as server:
        with pytest.raises(ModelUnavailable, match="cannot be read"):
            await ask(server)


@pytest.mark.parametrize(
    ("details", "headers", "wait"),
    [
        ((quota(), retry_info("3.5s")), {}, 3.5),
        ((retry_info("3s"),), {"Retry-After": "9"}, 3.0),
        ((quota(), retry_info("soon")), {"Retry-After": "9"}, 9.0),
    ],
)
async def test_the_wait_that_is_asked_for_is_kept_to(ask, waits, details, headers, wait):
    busy = error(429, "RESOURCE_EXHAUSTED", "Slow down.", *details, headers=headers)
    async with serve(busy, stream(TEXT)) as server:
        assert text(await ask(server, attempts=2, jitter=lambda: 0.0)) == SAID
    assert waits == [wait]


async def test_a_wrong_key_is_reported_as_one(ask):
    async with serve(error(400, "INVALID_ARGUMENT", "API key not valid.", invalid_key())) as server:
        with pytest.raises(ModelRejected, match="refused the key"):
            await ask(server)
