"""The tools of each official client with each provider's protocol, through the engine."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest
from tests.ai_engine.gateway.between_protocols.any_provider import (
    HELLO,
    MODEL,
    MOON,
    PROVIDERS,
    SAID,
    SCHEMA,
    OpenGateway,
    ProviderName,
    stream_of,
)


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_anthropics_client_runs_its_tools_with_every_provider(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    tools: Any = [{"name": name, "input_schema": SCHEMA} for name in ("weigh", "measure")]
    async with gateway(wire, stream_of(wire, "TOOLS"), stream_of(wire)) as given:
        async with given.anthropic.messages.stream(
            model=MODEL, max_tokens=99, messages=HELLO, tools=tools, tool_choice={"type": "any"}
        ) as stream:
            message = await stream.get_final_message()
        calls = [block for block in message.content if block.type == "tool_use"]
        assert message.stop_reason == "tool_use"
        assert [(call.name, call.input) for call in calls] == [("weigh", MOON), ("measure", {})]
        results: Any = [{"type": "tool_result", "tool_use_id": call.id, "content": "7"} for call in calls]
        said: Any = [
            block.model_dump(exclude_none=True) for block in message.content if block.type != "thinking"
        ]
        turns = [*HELLO, {"role": "assistant", "content": said}, {"role": "user", "content": results}]
        async with given.anthropic.messages.stream(
            model=MODEL, max_tokens=99, messages=turns, tools=tools
        ) as stream:
            assert await stream.get_final_text() == SAID
        assert calls[0].id in json.dumps(given.sent)


@pytest.mark.parametrize("wire", ["openai", "gemini"])
async def test_anthropics_tool_runner_sends_the_conversation_that_is_not_held_here(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    """The runner asks its server to hold the conversation, and sends all of it where that is not held."""

    @anthropic.beta_async_tool
    async def weigh(thing: str) -> str:
        """Weigh a thing."""
        return f"{thing}: 7"

    @anthropic.beta_async_tool
    async def measure() -> str:
        """Measure nothing."""
        return "8"

    async with gateway(wire, stream_of(wire, "TOOLS"), stream_of(wire)) as given:
        asked: Any = {"model": MODEL, "max_tokens": 99, "messages": HELLO}
        runner = given.anthropic.beta.messages.tool_runner(**asked, tools=[weigh, measure])
        last = await runner.until_done()
        assert [block.text for block in last.content if block.type == "text"] == [SAID]
        sent = json.dumps(given.sent)
        assert all(part in sent for part in ("Hello?", "weigh", "the moon: 7"))
        assert "thread" not in given.sent
        assert len(given.provider.requests) == 2


async def test_a_conversation_that_is_not_held_here_is_not_found(gateway: OpenGateway) -> None:
    async with gateway("openai", stream_of("openai")) as given:
        body = {"thread": {"type": "continue", "previous_message_id": "msg_1"}}
        asked: Any = {"model": MODEL, "max_tokens": 9, "messages": HELLO, "extra_body": body}
        with pytest.raises(anthropic.NotFoundError) as refused:
            await given.anthropic.messages.create(**asked)
        said: Any = refused.value.body
        assert said["error"]["details"] == {"error_code": "thread_not_found"}
        assert given.provider.requests == []


@pytest.mark.parametrize("wire", ["openai", "gemini"])
async def test_a_tool_whose_arguments_come_eagerly_is_a_tool(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    tools: Any = [{"name": "weigh", "input_schema": SCHEMA, "eager_input_streaming": True}]
    async with gateway(wire, stream_of(wire, "TOOLS")) as given:
        async with given.anthropic.messages.stream(
            model=MODEL, max_tokens=99, messages=HELLO, tools=tools
        ) as stream:
            message = await stream.get_final_message()
        assert message.stop_reason == "tool_use"
        assert "eager" not in json.dumps(given.sent)


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_openais_client_runs_its_tools_in_responses_with_every_provider(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    tools: Any = [
        {"type": "function", "name": name, "parameters": SCHEMA, "strict": False}
        for name in ("weigh", "measure")
    ]
    async with gateway(wire, stream_of(wire, "TOOLS"), stream_of(wire)) as given:
        first = await given.openai.responses.create(model=MODEL, input="Hello?", tools=tools)
        calls = [item for item in first.output if item.type == "function_call"]
        assert [(call.name, json.loads(call.arguments)) for call in calls] == [
            ("weigh", MOON),
            ("measure", {}),
        ]
        outputs = [{"type": "function_call_output", "call_id": each.call_id, "output": "7"} for each in calls]
        items: Any = [*HELLO, *(item.model_dump(exclude_none=True) for item in first.output), *outputs]
        second = await given.openai.responses.create(model=MODEL, input=items, tools=tools)
        assert second.output_text == SAID


@pytest.mark.parametrize("wire", ["anthropic", "gemini"])
async def test_openais_client_runs_its_tools_in_chats_with_other_protocols(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    tools: Any = [{"type": "function", "function": {"name": "weigh", "parameters": SCHEMA}}]
    async with gateway(wire, stream_of(wire, "TOOLS")) as given:
        completion = await given.openai.chat.completions.create(model=MODEL, messages=HELLO, tools=tools)
        choice = completion.choices[0]
        calls = choice.message.tool_calls or []
        assert choice.finish_reason == "tool_calls"
        assert [json.loads(call.function.arguments) for call in calls if call.type == "function"] == [
            MOON,
            {},
        ]
