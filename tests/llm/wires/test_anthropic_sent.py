"""What is sent to Anthropic; and its official client sends the same, and reads the same of what comes."""

import anthropic
import orjson
import pytest
from anthropic import AsyncAnthropic
from tests.llm.wires.conftest import CHAT, MEASURE, WEIGH, WITH_TOOLS, decoded, turn
from tests.llm.wires.servers.anthropic import SAID, TEXT, THOUGHT, TOOLS, error, named, problem, stream
from tests.llm.wires.servers.base import serve

from vital_shared.llm.base import ModelToolCall, ModelTurn
from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.base import ToolOutput, ToolTurn, UserTurn


def body(chat):
    return AnthropicWire().request("claude-test", chat).body


def test_the_request():
    assert body(CHAT) == {
        "model": "claude-test",
        "max_tokens": 50,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": "How long?"}],
        "stream": True,
    }
    plain = body(CHAT.model_copy(update={"system": "", "max_output_tokens": None, "temperature": 0.0}))
    assert "system" not in plain
    assert (plain["max_tokens"], plain["temperature"]) == (16_000, 0.0)


def test_tools_may_be_there_and_closed():
    assert body(WITH_TOOLS)["tools"][0] == {
        "name": "weigh",
        "description": "Weigh a thing.",
        "input_schema": WEIGH.parameters,
    }
    assert "tool_choice" not in body(WITH_TOOLS)
    assert body(WITH_TOOLS.model_copy(update={"may_call": False}))["tool_choice"] == {"type": "none"}


def test_a_schema_for_the_answer():
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    asked = body(CHAT.model_copy(update={"response_schema": schema}))
    assert asked["output_config"] == {"format": {"type": "json_schema", "schema": schema}}


def test_turns_of_other_providers_and_empty_ones_are_written_so_that_they_are_taken():
    call = ModelToolCall(id="c1", name="weigh", arguments={"thing": "é"})
    turns = (
        UserTurn(text="Hello."),
        ModelTurn(text=" "),
        UserTurn(text="How heavy?"),
        ModelTurn(calls=(call,), wire="gemini", native=[{"functionCall": {}}]),
        ToolTurn(outputs=(ToolOutput(id="c1", name="weigh", text="", failed=True),)),
    )
    assert body(CHAT.model_copy(update={"turns": turns}))["messages"][1:] == [
        {"role": "user", "content": "How heavy?"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": "weigh", "input": {"thing": "é"}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "is_error": True}]},
    ]


async def official(parts, **more):
    async with (
        serve(stream(parts)) as server,
        AsyncAnthropic(base_url=server.url, api_key="k", max_retries=0) as client,
        client.messages.stream(
            model="claude-test", max_tokens=50, messages=[{"role": "user", "content": "How long?"}], **more
        ) as streamed,
    ):
        return await streamed.get_final_message(), streamed.request_id, server.requests[0].body


async def test_the_official_client_reads_the_same_text_and_usage():
    final, request_id, sent = await official(TEXT)
    assert final.content[0].text == SAID
    assert (final.usage.cache_read_input_tokens, final.usage.output_tokens) == (70, 40)
    assert (final.stop_reason, request_id) == ("end_turn", "req_anthropic_1")
    ours = body(CHAT)
    assert {name: ours[name] for name in sent} == sent


async def test_the_official_client_reads_the_same_calls_and_thoughts_and_sends_the_same_tools():
    ours = body(WITH_TOOLS)
    final, _, sent = await official(TOOLS, tools=ours["tools"])
    assert [(b.id, b.name, b.input) for b in final.content[1:]] == [
        ("toolu_1", "weigh", {"thing": "the moon"}),
        ("toolu_2", "measure", {}),
    ]
    assert sent["tools"] == ours["tools"]
    assert len(sent["tools"]) == len((WEIGH, MEASURE))
    thought, _, _ = await official(THOUGHT)
    kept = orjson.loads(thought.model_dump_json(exclude_none=True))["content"]
    assert kept[:3] == turn(decoded(AnthropicWire(), THOUGHT)[0]).native[:3]


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (404, "not_found_error", anthropic.NotFoundError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (529, "overloaded_error", anthropic.InternalServerError),
    ],
)
async def test_the_official_client_reads_the_same_errors(status, kind, expected):
    async with (
        serve(error(status, kind, "The reason.")) as server,
        AsyncAnthropic(base_url=server.url, api_key="k", max_retries=0) as client,
    ):
        with pytest.raises(expected, match="The reason") as caught:
            await client.messages.create(**body(CHAT))
    assert caught.value.request_id == "req_anthropic_1"


async def test_the_official_client_reads_the_same_error_within_a_stream():
    with pytest.raises(anthropic.APIStatusError, match="The reason"):
        await official([*TEXT[:5], named("error", **problem("overloaded_error", "The reason."))])
