"""Providers that answer as a whole although a stream was asked for: the client gets a stream."""

from __future__ import annotations

from typing import Any

import anthropic
import orjson
import pytest
from tests.ai_engine.gateway.conftest import OpenGateway
from tests.ai_engine.gateway.test_chat_completions import COST_NANOS, HELLO, WHOLE, whole
from tests.ai_engine.gateway.test_verbatim_responses import MODEL, MORE, PRICE, RESPONSE
from tests.llm.wires.servers import anthropic as messages
from tests.llm.wires.servers.base import Reply, serve

CALL = {"id": "call_a", "type": "function", "function": {"name": "weigh", "arguments": '{"thing": "moon"}'}}
OTHER_CALL = {"id": "call_b", "type": "function", "function": {"name": "weigh", "arguments": "{}"}}

ANTHROPIC = """
[providers.other]
wire = "anthropic"
base_url = "{url}"
key_env = "MINE_KEY"
"""

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-of-theirs",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"},
        {"type": "redacted_thinking", "data": "ZW5jcnlwdGVk"},
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "toolu_1", "name": "weigh", "input": {"thing": "moon"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 20, "output_tokens": 30},
}


async def test_openais_client_reads_a_whole_completion_as_a_stream(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        stream = await given.client.chat.completions.create(model="mine:m", messages=HELLO, stream=True)
        (chunk,) = [chunk async for chunk in stream]
        (choice,) = chunk.choices
        assert (choice.delta.content, choice.finish_reason) == ("It takes 42 days.", "stop")
        assert (chunk.object, chunk.id) == ("chat.completion.chunk", WHOLE["id"])
        assert chunk.an_extension == WHOLE["an_extension"]
        (charge,) = await given.charges()
        assert charge[5] == COST_NANOS


async def test_openais_client_reads_whole_tool_calls_as_a_stream(gateway: OpenGateway) -> None:
    said = {"role": "assistant", "content": None, "tool_calls": [CALL, OTHER_CALL]}
    choices = [{"index": 0, "message": said, "finish_reason": "tool_calls"}]
    async with (
        gateway(whole(choices=choices)) as given,
        given.client.chat.completions.stream(model="mine:m", messages=HELLO) as stream,
    ):
        completion = await stream.get_final_completion()
    calls = completion.choices[0].message.tool_calls
    assert [(call.id, call.function.arguments) for call in calls] == [
        (call["id"], call["function"]["arguments"]) for call in (CALL, OTHER_CALL)
    ]


async def test_a_stream_that_speaks_of_a_message_is_passed_on_as_it_is(gateway: OpenGateway) -> None:
    text = b'{"id": "c", "choices": [{"index": 0, "delta": {"content": "a \\"message\\""}}], "x": "message" }'
    end = b'{"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}'
    parts = [b"data: " + each + b"\n\n" for each in (text, end, b"[DONE]")]
    async with gateway(Reply(parts)) as given:
        body = {"model": "mine:m", "messages": HELLO, "stream": True}
        answer = await given.service.client.post("/v1/chat/completions", json=body)
        assert answer.content == b"".join(parts)


async def test_anthropics_client_reads_a_whole_message_as_a_stream(gateway: OpenGateway) -> None:
    reply = Reply([orjson.dumps(MESSAGE)], headers=messages.HEADERS, content_type="application/json")
    async with serve(reply) as provider, gateway(whole(), more=ANTHROPIC.format(url=provider.url)) as given:
        address = str(given.service.client.base_url)
        async with (
            anthropic.AsyncAnthropic(api_key="unused", base_url=address, max_retries=0) as client,
            client.messages.stream(model="other:d", max_tokens=50, messages=HELLO) as stream,
        ):
            said = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
    assert said == ["Let me see."]
    assert final.model_dump(exclude_unset=True)["content"] == MESSAGE["content"]
    assert (final.stop_reason, final.usage.output_tokens) == ("tool_use", 30)


THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Weigh it."}, {"type": "summary_text", "text": "Then say."}],
    "content": [{"type": "reasoning_text", "text": "The moon is heavy."}],
    "encrypted_content": "gAAA+signed==",
}
CITED = {"type": "url_citation", "url": "https://a.b/", "title": "A", "start_index": 0, "end_index": 4}
SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [
        {"type": "output_text", "text": "So it is.", "annotations": [CITED], "logprobs": []},
        {"type": "refusal", "refusal": "No more."},
    ],
}
SEARCHED = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
OF_FUNCTION = {
    "type": "function_call",
    "id": "fc_1",
    "status": "completed",
    "call_id": "call_a",
    "name": "weigh",
    "arguments": '{"thing": "moon"}',
}
OF_TEXT = {
    "type": "custom_tool_call",
    "id": "ctc_1",
    "status": "completed",
    "call_id": "call_b",
    "name": "patch",
    "input": "*** Begin",
}
OUTPUT = [THOUGHT, SEARCHED, SAID, OF_FUNCTION, OF_TEXT]


def whole_response(**more: Any) -> Reply:
    return Reply([orjson.dumps(RESPONSE | more)], content_type="application/json")


def without_client(value: Any) -> Any:
    """Leave out what OpenAI's client adds: what it has parsed itself."""
    if isinstance(value, list):
        return [without_client(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: without_client(each) for name, each in value.items() if not name.startswith("parsed")}


async def test_openais_client_reads_a_whole_response_as_a_stream(gateway: OpenGateway) -> None:
    async with gateway(whole_response(output=OUTPUT), more=MORE) as given:
        async with given.client.responses.stream(model=MODEL, input="How many?") as stream:
            events = [each async for each in stream]
            final = await stream.get_final_response()
        assert [without_client(item.to_dict()) for item in final.output] == OUTPUT
        assert (final.status, final.output_text) == ("completed", "So it is.")
        assert [each.sequence_number for each in events] == list(range(len(events)))
        assert [each.type for each in events[:2]] == ["response.created", "response.in_progress"]
        pieces = [each.delta for each in events if each.type.endswith(".delta")]
        said = ["Weigh it.", "Then say.", "The moon is heavy.", "So it is.", "No more."]
        assert pieces == [*said, OF_FUNCTION["arguments"], OF_TEXT["input"]]
        added = [each.item for each in events if each.type == "response.output_item.added"]
        assert [each.id for each in added] == [each["id"] for each in OUTPUT]
        assert not any(getattr(each, "content", None) or getattr(each, "arguments", None) for each in added)
        (charge,) = await given.charges()
        assert charge[2:6] == (MODEL, 120, 30, PRICE)


@pytest.mark.parametrize("output", [[], [None, "?", {}], None, [{"type": "message", "content": [None, {}]}]])
async def test_a_whole_response_in_no_usual_form_is_a_stream_all_the_same(
    gateway: OpenGateway, output: Any
) -> None:
    more = {"output": output, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    async with gateway(whole_response(**more), more=MORE) as given:
        body = {"model": MODEL, "input": "How many?", "stream": True}
        answer = await given.service.client.post("/v1/responses", json=body)
        lines = [line for line in answer.text.splitlines() if line.startswith("data: ")]
        last = orjson.loads(lines[-1].removeprefix("data: "))
        assert last["type"] == "response.incomplete"
        assert last["response"] == RESPONSE | more


async def test_a_whole_response_that_has_failed_is_an_error(gateway: OpenGateway) -> None:
    error = {"code": "server_error", "message": "It broke."}
    async with gateway(whole_response(output=[], status="failed", error=error), more=MORE) as given:
        body = {"model": MODEL, "input": "How many?", "stream": True}
        answer = await given.service.client.post("/v1/responses", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "server")
