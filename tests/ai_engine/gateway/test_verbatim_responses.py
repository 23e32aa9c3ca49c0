"""OpenAI's Responses API in front of a provider that offers it: nothing of a request or an answer changes."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import orjson
import pytest
from tests.ai_engine.gateway.conftest import OpenGateway
from tests.llm.wires.servers import openai as chat
from tests.llm.wires.servers.base import Reply, event

from vital_shared.llm.wires.responses_stream import ResponsesDecoder

MORE = """
[providers.new]
like = "mine"
responses = true
[models."new:m"]
price = { input = "10", cached_input = "1", output = "30" }
"""
MODEL = "new:m"
USAGE = {
    "input_tokens": 120,
    "input_tokens_details": {"cached_tokens": 20},
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 10},
    "total_tokens": 150,
}
PRICE = 100 * 10_000 + 20 * 1_000 + 30 * 30_000
"""Nano-dollars of that usage."""

SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA+signed=="}
SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Forty-two.", "annotations": [{"type": "url_citation"}]}],
}
RESPONSE: dict[str, Any] = {
    "id": "resp_theirs",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "m-2026-01-01",
    "output": [THOUGHT, SEARCH, SAID],
    "usage": USAGE,
    "a_field_of_tomorrow": {"x": [1]},
}
BEGUN = RESPONSE | {"status": "in_progress", "output": [], "usage": None}
PLACE = {"item_id": "msg_1", "output_index": 2, "content_index": 0}
EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "response": BEGUN},
    {"type": "response.in_progress", "response": BEGUN},
    {"type": "response.output_item.added", "output_index": 0, "item": THOUGHT},
    {"type": "response.output_item.done", "output_index": 0, "item": THOUGHT},
    {"type": "response.web_search_call.searching", "output_index": 1, "item_id": "ws_1"},
    {"type": "response.output_item.added", "output_index": 2, "item": SAID | {"content": []}},
    {"type": "response.content_part.added", **PLACE, "part": {"type": "output_text", "text": ""}},
    {"type": "response.output_text.delta", **PLACE, "delta": "Forty-", "obfuscation": "aB3"},
    {"type": "response.output_text.delta", **PLACE, "delta": "two.", "obfuscation": "x"},
    {"type": "response.output_text.done", **PLACE, "text": "Forty-two."},
    {"type": "response.output_item.done", "output_index": 2, "item": SAID},
    {"type": "response.completed", "response": RESPONSE},
]
STREAM = [
    event(orjson.dumps({**each, "sequence_number": number}), each["type"])
    for number, each in enumerate(EVENTS)
]
BODY = {
    "model": MODEL,
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "How many?"}]},
        {"type": "reasoning", "id": "rs_0", "summary": [], "encrypted_content": "gAAA+earlier=="},
        {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"},
    ],
    "tools": [
        {"type": "web_search", "search_context_size": "low"},
        {
            "type": "custom",
            "name": "patch",
            "format": {"type": "grammar", "syntax": "lark", "definition": "x"},
        },
    ],
    "include": ["reasoning.encrypted_content"],
    "store": False,
    "a_wish_of_tomorrow": {"y": 2},
}


def whole(**more: Any) -> Reply:
    return Reply([orjson.dumps(RESPONSE | more)], content_type="application/json")


async def test_a_whole_response_passes_verbatim_and_is_charged(gateway: OpenGateway) -> None:
    async with gateway(whole(), more=MORE) as given:
        answer = await given.service.client.post("/v1/responses", json=BODY)
        assert (answer.status_code, answer.json()) == (200, RESPONSE)
        assert given.provider.requests[-1].path == "/v1/responses"
        assert given.sent == BODY | {"model": "m"}
        (charge,) = await given.charges()
        assert charge[2:6] == (MODEL, 120, 30, PRICE)


async def test_a_stream_passes_verbatim_and_is_charged(gateway: OpenGateway) -> None:
    async with gateway(Reply(STREAM), more=MORE) as given:
        answer = await given.service.client.post("/v1/responses", json=BODY | {"stream": True})
        assert answer.content == b"".join(STREAM)
        assert given.sent == BODY | {"model": "m", "stream": True}
        (charge,) = await given.charges()
        assert charge[2:6] == (MODEL, 120, 30, PRICE)


PRICED_SEARCHES = MORE.replace('output = "30"', 'output = "30", web_searches = "10000"')
"""Searches at $10 for a thousand, as OpenAI's cost."""
READ = SEARCH | {"action": {"type": "open_page", "url": "https://a.b/"}}
FAILED = SEARCH | {"status": "failed"}


@pytest.mark.parametrize("repeats_items", [True, False])
@pytest.mark.parametrize("is_streamed", [True, False])
async def test_searches_of_the_provider_are_charged(
    gateway: OpenGateway, is_streamed: bool, repeats_items: bool
) -> None:
    items = [SEARCH, READ, SEARCH | {"action": {"type": "search", "queries": ["a", "b"]}}, FAILED, SAID]
    done = [
        {"type": "response.output_item.done", "output_index": at, "item": each}
        for at, each in enumerate(items)
    ]
    last = RESPONSE | {"output": items if repeats_items or not is_streamed else []}
    events = [EVENTS[0], *done, {"type": "response.completed", "response": last}]
    reply = Reply([event(orjson.dumps(each), each["type"]) for each in events])
    async with gateway(reply if is_streamed else whole(output=items), more=PRICED_SEARCHES) as given:
        await given.service.client.post("/v1/responses", json=BODY | {"stream": is_streamed})
        (charge,) = await given.charges()
        assert charge[2:6] == (MODEL, 120, 30, PRICE + 2 * 10_000_000)


async def test_the_official_client_reads_a_stream(gateway: OpenGateway) -> None:
    async with gateway(Reply(STREAM), more=MORE) as given:
        async with given.client.responses.stream(model=MODEL, input="How many?") as stream:
            kinds = [each.type async for each in stream]
            final = await stream.get_final_response()
        assert kinds == [each["type"] for each in EVENTS]
        assert (final.id, final.output_text) == ("resp_theirs", "Forty-two.")


async def test_others_of_its_models_get_a_translation(gateway: OpenGateway) -> None:
    async with gateway(chat.stream(chat.TEXT), more=MORE) as given:
        answer = await given.client.responses.create(model="mine:m", input="How many?")
        assert answer.output_text == chat.SAID
        assert given.provider.requests[-1].path == "/v1/chat/completions"
        with pytest.raises(openai.BadRequestError, match=r"include\.0"):
            await given.client.responses.create(
                model="mine:m", input="How many?", include=["reasoning.encrypted_content"]
            )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("previous_response_id", "resp_of_somebody"),
        ("conversation", "conv_of_somebody"),
        ("background", True),
        ("prompt", {"id": "pmpt_of_the_operator"}),
        ("input", [{"type": "item_reference", "id": "msg_of_somebody"}]),
        ("stream", "yes"),
        ("max_output_tokens", -1),
    ],
)
async def test_what_is_stored_at_the_provider_is_nobodys(
    gateway: OpenGateway, field: str, value: Any
) -> None:
    async with gateway(whole(), more=MORE) as given:
        answer = await given.service.client.post("/v1/responses", json=BODY | {field: value})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"].startswith(field)
        assert given.provider.requests == []


@pytest.mark.parametrize("status", [400, 404])
async def test_a_refusal_has_the_providers_own_words(gateway: OpenGateway, status: int) -> None:
    said = {"message": "Not so.", "type": "invalid_request_error", "param": "tools[0]", "code": "odd"}
    reply = Reply([orjson.dumps({"error": said})], status=status, content_type="application/json")
    async with gateway(reply, more=MORE) as given:
        answer = await given.service.client.post("/v1/responses", json=BODY)
        assert (answer.status_code, answer.json()) == (status, {"error": said})


@pytest.mark.parametrize(
    "end",
    [
        [ConnectionError],
        [
            event(
                {
                    "type": "response.failed",
                    "response": BEGUN | {"error": {"code": "server_error", "message": "No."}},
                }
            )
        ],
        [event({"type": "error", "code": "rate_limit_exceeded", "message": "Later.", "param": None})],
    ],
)
async def test_a_stream_that_does_not_go_on_is_a_failed_response(
    gateway: OpenGateway, end: list[Any]
) -> None:
    async with gateway(Reply([*STREAM[:8], *end]), more=MORE) as given:
        stream = await given.client.responses.create(model=MODEL, input="How many?", stream=True)
        events = [each async for each in stream]
        assert events[-1].type == "response.failed"
        assert (events[-1].response.id, events[-1].response.status) == ("resp_theirs", "failed")
        assert events[-1].sequence_number == events[-2].sequence_number + 1
        (charge,) = await given.charges()
        assert charge[6] != "ok"


async def test_a_failure_before_the_answer_has_a_status(gateway: OpenGateway) -> None:
    failed = event(
        {"type": "response.failed", "response": BEGUN | {"error": {"code": "rate_limit_exceeded"}}}
    )
    async with gateway(Reply([*STREAM[:2], failed]), more=MORE) as given:
        answer = await given.service.client.post("/v1/responses", json=BODY | {"stream": True})
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit_exceeded")


async def test_a_response_that_is_cut_off_is_the_clients_to_judge(gateway: OpenGateway) -> None:
    cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    async with gateway(whole(**cut), more=MORE) as given:
        answer = await given.client.responses.create(model=MODEL, input="How many?")
        assert answer.incomplete_details is not None
        assert [run["status"] for run in await given.runs()] == ["completed"]


async def test_a_budget_bounds_an_answer_and_refuses_what_does_not_fit(gateway: OpenGateway) -> None:
    async with gateway(whole(), more=MORE) as given:
        await given.service.client.put("/v1/budgets/acme", json={"daily_dollars": "0.5"})
        headers = {"X-Tenant-ID": "acme"}
        asked = {"model": MODEL, "input": "How many?"}
        assert (
            await given.service.client.post("/v1/responses", json=asked, headers=headers)
        ).status_code == 200
        assert given.sent["max_output_tokens"] == 4_096
        dear = asked | {"max_output_tokens": 100_000}
        answer = await given.service.client.post("/v1/responses", json=dear, headers=headers)
        assert (answer.status_code, len(given.provider.requests)) == (402, 1)


async def test_the_provider_is_let_go_when_the_client_goes(gateway: OpenGateway) -> None:
    async with gateway(Reply([*STREAM[:8], asyncio.Event()]), more=MORE) as given:
        stream = await given.client.responses.create(model=MODEL, input="How many?", stream=True)
        await anext(aiter(stream))
        await stream.close()
        assert await asyncio.wait_for(given.provider.closed.wait(), 10), "the connection is closed"


async def test_an_answer_is_cached_where_that_is_asked_for(gateway: OpenGateway) -> None:
    async with gateway(whole(), more=MORE, cache_entries=100) as given:
        asked = BODY | {"cache": {"ttl": 60}}
        first, second = [await given.service.client.post("/v1/responses", json=asked) for _ in range(2)]
        assert (first.content, second.headers["x-vital-cache"]) == (second.content, "hit")
        assert (len(given.provider.requests), "cache" in given.sent) == (1, False)


async def test_what_personal_data_a_provider_does_not_get_is_in_the_answer(
    gateway: OpenGateway,
) -> None:
    email = "ann@example.org"

    def echo(request: Any) -> Reply:
        masked = request.body["input"]
        pieces = [masked[:3], masked[3:9], masked[9:]]
        deltas = [{"type": "response.output_text.delta", **PLACE, "delta": piece} for piece in pieces]
        done = {"type": "response.output_text.done", **PLACE, "text": masked}
        said = SAID | {"content": [{"type": "output_text", "text": masked}]}
        end = {"type": "response.completed", "response": RESPONSE | {"output": [said]}}
        return Reply([event(each) for each in (EVENTS[0], *deltas, done, end)])

    more = f'{MORE}\n[guardrails]\nmask = ["email"]\n'
    async with gateway(echo, more=more) as given:
        stream = await given.client.responses.create(model=MODEL, input=email, stream=True)
        events: list[Any] = [each async for each in stream]
        assert email not in str(given.sent)
        assert "".join(each.delta for each in events if each.type.endswith(".delta")) == email
        assert (events[-2].text, events[-1].response.output_text) == (email, email)


def test_a_tool_of_the_providers_shows_that_it_works_and_a_hidden_thought_does_not() -> None:
    decoder = ResponsesDecoder(MODEL)
    for each in EVENTS[:4]:
        decoder.feed(orjson.dumps(each))
    assert decoder.pieces == 1  # the thought, once it is whole
    decoder.feed(orjson.dumps(EVENTS[4]))
    assert decoder.pieces == 2
    decoder.feed(orjson.dumps({"type": "keepalive", "sequence_number": 9}))
    assert decoder.pieces == 2
