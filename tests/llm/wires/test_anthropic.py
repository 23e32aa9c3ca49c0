"""Anthropic's protocol: what is read."""

import asyncio

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
from tests.llm.wires.servers.anthropic import (
    PING,
    SAID,
    START,
    TEXT,
    THOUGHT,
    TOOLS,
    block,
    error,
    message,
    named,
    problem,
    stream,
    text_block,
    tool_block,
)
from tests.llm.wires.servers.base import Reply, serve

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
from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.base import ToolOutput, ToolTurn
from vital_shared.llm.wires.provider import Provider
from vital_shared.llm.wires.sse import EventReader
from vital_shared.llm.wires.timing import Timeouts

KEY = SecretStr("sk-ant-secret")
CALLS = (
    ModelToolCall(id="toolu_1", name="weigh", arguments={"thing": "the moon"}),
    ModelToolCall(id="toolu_2", name="measure", arguments={}),
)


@pytest.fixture
async def ask(no_sleep):
    made = []

    async def once(server, chat=CHAT, **more):
        more = {"key": KEY, "attempts": 1, "sleep": no_sleep} | more
        made.append(Provider("anthropic", AnthropicWire(), base_url=server.url, **more))
        return await collect(made[-1], chat)

    yield once
    for each in made:
        await each.aclose()


def read(parts):
    return decoded(AnthropicWire(), parts)


async def test_text_usage_and_the_end(ask):
    async with serve(stream(TEXT)) as server:
        events = await ask(server)
    (request,) = server.requests
    assert request.path == "/v1/messages"
    assert (request.headers["x-api-key"], request.headers["anthropic-version"]) == (
        "sk-ant-secret",
        "2023-06-01",
    )
    assert text(events) == SAID
    assert counted(events)[-1] == Usage(
        input_tokens=120, cached_input_tokens=70, cache_write_tokens=30, output_tokens=40, reasoning_tokens=15
    )
    assert stopped(events) == Stop(reason="end", request_id="req_anthropic_1")


async def test_what_was_read_is_known_from_the_beginning(ask):
    events, _ = read(TEXT)
    assert counted(events[:1])[0] == Usage(input_tokens=120, cached_input_tokens=70, cache_write_tokens=30)


async def test_tool_calls_come_whole_out_of_their_pieces(ask):
    async with serve(stream(TOOLS)) as server:
        events = await ask(server, WITH_TOOLS)
    assert [event for event in events if isinstance(event, ModelToolCall)] == list(CALLS)
    assert turn(events) == ModelTurn(text="Let me see.", calls=CALLS, wire="anthropic")
    assert events[-1].reason == "tool_calls"


async def test_a_tool_loop_gives_thoughts_back_with_their_signatures(ask):
    async with serve(stream(THOUGHT), stream(TEXT)) as server:
        first = await ask(server, WITH_TOOLS)
        said = ModelTurn.model_validate_json(turn(first).model_dump_json())  # as a checkpoint keeps it
        results = ToolTurn(outputs=(ToolOutput(id="toolu_3", name="weigh", text="12 kg"),))
        again = WITH_TOOLS.model_copy(update={"turns": (*CHAT.turns, said, results)})
        assert text(await ask(server, again)) == SAID
    assert reasoning(first) == "Hm. So."
    _, assistant, user = server.requests[1].body["messages"]
    assert assistant == {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm. So.", "signature": "c2lnbmVk"},
            {"type": "redacted_thinking", "data": "ZW5jcnlwdGVk"},
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "toolu_3", "name": "weigh", "input": {"thing": "it"}},
        ],
    }
    assert user["content"] == [{"type": "tool_result", "tool_use_id": "toolu_3", "content": "12 kg"}]


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end_turn", "end"),
        ("stop_sequence", "end"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("refusal", "refusal"),
        ("content_filter", "content_filter"),
        ("MAX_TOKENS", "length"),
        ("tool_use", "end"),  # without any
        ("something_new", "end"),
    ],
)
def test_reasons_of_the_end(stop, reason):
    events, _ = read(message(text_block(0, "x"), reason=stop))
    assert stopped(events) == Stop(reason=reason)


def test_a_call_that_the_limit_cut_off_is_not_made():
    events, _ = read(message(text_block(0, "x"), tool_block(1, "weigh", '{"thi'), reason="max_tokens"))
    assert [event for event in events if isinstance(event, ModelToolCall | ModelTurn)] == []
    assert stopped(events) == Stop(reason="length")


@pytest.mark.parametrize("arguments", ['{"thing": ', "[1]", "7"])
def test_arguments_that_are_no_object_are_an_error(arguments):
    with pytest.raises(ModelUnavailable, match='tool "weigh" with arguments that are not a JSON object'):
        read(message(tool_block(0, "weigh", arguments), reason="tool_use"))


def test_servers_that_send_whole_blocks_are_understood():
    whole = [
        *block(0, {"type": "text", "text": "Whole."}),
        *block(1, {"type": "tool_use", "id": "t", "name": "weigh", "input": {"thing": "x"}}),
    ]
    events, _ = read(message(whole, reason="tool_use"))
    assert text(events) == "Whole."
    assert turn(events).calls == (ModelToolCall(id="t", name="weigh", arguments={"thing": "x"}),)


def test_events_and_pieces_that_are_not_known_yet_are_passed_over():
    later = [
        named("something_new", data={}),
        *block(0, {"type": "text", "text": ""}, {"type": "new_delta", "new": 1}),
        *text_block(1, "x"),
    ]
    events, _ = read(message(later))
    assert text(events) == "x"


def test_pings_are_no_pieces():
    decoder = AnthropicWire().decoder("anthropic:test")
    for part in (START, PING, PING):
        (data,) = EventReader().feed(part)
        decoder.feed(data)
    assert decoder.pieces == 0
    assert read(TEXT)[1].pieces == 6  # the block and its words


@given(st.lists(st.integers(1, 40), min_size=1), st.sampled_from([TEXT, TOOLS, THOUGHT]))
@settings(max_examples=60, deadline=None)
def test_however_the_bytes_are_cut_the_events_are_the_same(sizes, parts):
    whole, cut, at = b"".join(parts), [], 0
    while at < len(whole):
        size = sizes[len(cut) % len(sizes)]
        cut.append(whole[at : at + size])
        at += size
    assert read(cut)[0] == read([whole])[0] == read(parts)[0]


async def test_byte_by_byte_over_the_network(ask):
    whole = b"".join(TOOLS)
    async with serve(stream([whole[i : i + 1] for i in range(len(whole))])) as server:
        assert turn(await ask(server, WITH_TOOLS)).calls == CALLS


@pytest.mark.parametrize("parts", [TEXT[:5], [*TEXT[:5], ConnectionError], [], [START]])
async def test_a_stream_that_breaks_off_is_no_answer(ask, parts):
    async with serve(stream(parts)) as server:
        with pytest.raises(ModelUnavailable, match="broke off") as caught:
            await ask(server)
    assert caught.value.request_id == "req_anthropic_1"


@pytest.mark.parametrize(("parts", "message"), [([START, PING], "begin"), (TEXT[:5], "fell silent")])
async def test_a_stream_that_stalls_is_late_whatever_is_pinged(ask, parts, message):
    async with serve(stream([*parts, PING, asyncio.Event()])) as server:
        with pytest.raises(ModelTimeout, match=message):
            await ask(server, timeouts=Timeouts(first_token=0.05, between_tokens=0.05))


ERRORS = [
    (400, "invalid_request_error", ModelRejected),
    (401, "authentication_error", ModelRejected),
    (402, "billing_error", ModelRejected),
    (403, "permission_error", ModelRejected),
    (404, "not_found_error", ModelRejected),
    (409, "conflict_error", ModelUnavailable),
    (413, "request_too_large", ModelRejected),
    (429, "rate_limit_error", ModelRateLimited),
    (500, "api_error", ModelUnavailable),
    (504, "timeout_error", ModelTimeout),
    (529, "overloaded_error", ModelUnavailable),
]


@pytest.mark.parametrize(("status", "kind", "expected"), ERRORS)
async def test_every_error_by_its_status(ask, status, kind, expected):
    async with serve(error(status, kind, "The reason.")) as server:
        with pytest.raises(ModelError, match="The reason") as caught:
            await ask(server)
    assert type(caught.value) is expected
    assert (caught.value.model, caught.value.request_id) == ("anthropic:test", "req_anthropic_1")


@pytest.mark.parametrize(("kind", "expected"), [error[1:] for error in ERRORS])
@pytest.mark.parametrize("before", [0, 5])
async def test_every_error_within_a_stream_by_its_type(ask, kind, expected, before):
    async with serve(stream([*TEXT[:before], named("error", **problem(kind, "The reason."))])) as server:
        with pytest.raises(ModelError, match="The reason") as caught:
            await ask(server)
    assert type(caught.value) is expected
    assert caught.value.request_id == "req_body_1"


async def test_a_200_with_an_error_inside_is_an_error(ask):
    reply = error(200, "overloaded_error", "Overloaded")
    async with serve(reply) as server:
        with pytest.raises(ModelUnavailable, match="Overloaded"):
            await ask(server)


@pytest.mark.parametrize("said", [b"<html>", b'"x"', b"[]", b'{"error": "x"}', b'{"error": {"details": 1}}'])
async def test_what_somebody_in_between_answers_is_an_error_too(ask, said):
    async with serve(Reply([said], content_type="text/html")) as server:
        with pytest.raises(ModelUnavailable):
            await ask(server)


@pytest.mark.parametrize(
    "data",
    [
        b"{oops",
        b"[1]",
        b'"x"',
        b'{"type": "content_block_delta", "delta": "words"}',
        b'{"type": "message_start", "message": 1}',
    ],
)
async def test_what_cannot_be_read_is_no_answer(ask, data):
    async with serve(stream([START, b"data: " + data + b"\n\n"])) as server:
        with pytest.raises(ModelUnavailable, match="cannot be read"):
            await ask(server)


async def test_retry_after_is_kept_to(ask, waits):
    busy = error(429, "rate_limit_error", headers={"retry-after": "3"})
    async with serve(busy, stream(TEXT)) as server:
        assert text(await ask(server, attempts=2, jitter=lambda: 0.0)) == SAID
    assert waits == [3.0]


async def test_a_limit_of_spending_is_nothing_to_wait_for(ask):
    details = {"error_code": "contract_spend_limit_reached"}
    async with serve(error(429, "rate_limit_error", details=details)) as server:
        with pytest.raises(ModelRejected, match="no credit"):
            await ask(server)
