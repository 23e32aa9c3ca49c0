"""Each official client against each provider's protocol, whole and streamed, through the engine."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anthropic
import openai
import orjson
import pytest
from tests.ai_engine.gateway.between_protocols.any_provider import (
    COUNTS,
    ERRORS,
    HELLO,
    KEY,
    MODEL,
    PROTOCOLS,
    PROVIDERS,
    SAID,
    SCHEMA,
    Gateway,
    OpenGateway,
    ProviderName,
    stream_of,
)
from tests.llm.wires.servers import anthropic as anthropic_server
from tests.llm.wires.servers import gemini as gemini_server
from tests.llm.wires.servers.base import Reply


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_anthropics_client_streams_from_every_provider(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        async with given.anthropic.messages.stream(model=MODEL, max_tokens=99, messages=HELLO) as stream:
            text = "".join([piece async for piece in stream.text_stream])
            message = await stream.get_final_message()
        assert text == SAID
        assert message.stop_reason == "end_turn"
        usage = message.usage
        read = (
            usage.input_tokens
            + (usage.cache_read_input_tokens or 0)
            + (usage.cache_creation_input_tokens or 0)
        )
        assert (read, usage.output_tokens) == COUNTS[wire]
        assert await given.tokens() == [COUNTS[wire]]


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_a_stream_of_messages_begins_with_the_tokens_that_were_read(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        asked: Any = {"model": MODEL, "messages": [{"role": "user", "content": "Hello? " * 200}]}
        counted = await given.anthropic.messages.count_tokens(**asked)
        stream = await given.anthropic.messages.create(**asked, max_tokens=99, stream=True)
        begun = await anext(aiter(stream))
        assert begun.type == "message_start"
        usage = begun.message.usage
        estimate = counted.input_tokens if wire == "openai" else usage.input_tokens
        assert usage.input_tokens == estimate > 0
        await stream.close()


async def test_a_stream_of_messages_by_a_workflow_begins_with_an_estimate(gateway: OpenGateway) -> None:
    async with gateway("openai") as given:
        asked: Any = {"model": "mode-2/generalist", "messages": HELLO}
        counted = await given.anthropic.messages.count_tokens(**asked)
        async with given.anthropic.messages.stream(**asked, max_tokens=99) as stream:
            begun = await anext(aiter(stream))
        assert begun.type == "message_start"
        assert begun.message.usage.input_tokens == counted.input_tokens > 0


@pytest.mark.parametrize("wire", ["openai", "gemini"])
async def test_anthropics_client_gets_a_whole_answer_of_another_provider(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        message = await given.anthropic.messages.create(model=MODEL, max_tokens=99, messages=HELLO)
        assert [block.text for block in message.content if block.type == "text"] == [SAID]
        assert message.usage.output_tokens == COUNTS[wire][1]


async def test_a_whole_answer_of_anthropic_passes_verbatim(gateway: OpenGateway) -> None:
    whole = anthropic_server.WHOLE | {"role": "assistant", "model": "m", "an_extension": {"of": "theirs"}}
    reply = Reply([orjson.dumps(whole)], content_type="application/json")
    async with gateway("anthropic", reply) as given:
        system: Any = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
        message = await given.anthropic.messages.create(
            model=MODEL,
            max_tokens=99,
            messages=HELLO,
            system=system,
            extra_body={"a_field": 1},
            extra_headers={"anthropic-beta": "a-feature-2026-01-01"},
        )
        assert message.model_dump(exclude_unset=True) == whole
        assert given.sent == {
            "model": "m",
            "max_tokens": 99,
            "messages": HELLO,
            "system": system,
            "a_field": 1,
        }
        headers = given.provider.requests[-1].headers
        assert (headers["x-api-key"], headers["anthropic-beta"]) == (KEY, "a-feature-2026-01-01")


async def test_a_stream_of_anthropic_passes_verbatim_with_its_signed_thinking(gateway: OpenGateway) -> None:
    reply = anthropic_server.stream(anthropic_server.THOUGHT)
    async with gateway("anthropic", reply) as given:
        body = {"model": MODEL, "max_tokens": 99, "messages": HELLO, "stream": True}
        answer = await given.service.client.post("/v1/messages", json=body)
        assert answer.content == b"".join(anthropic_server.THOUGHT)


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_openais_client_streams_a_response_from_every_provider(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        async with given.openai.responses.stream(model=MODEL, input="Hello?") as stream:
            response = await stream.get_final_response()
        assert (response.status, response.output_text) == ("completed", SAID)
        assert response.usage is not None
        assert (response.usage.input_tokens, response.usage.output_tokens) == COUNTS[wire]
        assert await given.tokens() == [COUNTS[wire]]


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_openais_client_gets_a_whole_response_of_every_provider(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        response = await given.openai.responses.create(model=MODEL, input="Hello?", instructions="Be brief.")
        assert response.output_text == SAID
        assert "Be brief." in json.dumps(given.sent)


@pytest.mark.parametrize("wire", ["anthropic", "gemini"])
@pytest.mark.parametrize("stream", [True, False])
async def test_openais_client_chats_with_providers_of_other_protocols(
    gateway: OpenGateway, wire: ProviderName, stream: bool
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        asked = {"model": MODEL, "messages": HELLO, "stream_options": {"include_usage": True}}
        if not stream:
            completion = await given.openai.chat.completions.create(model=MODEL, messages=HELLO)
            assert completion.choices[0].message.content == SAID
            assert completion.choices[0].finish_reason == "stop"
            usage = completion.usage
        else:
            chunks = [each async for each in await given.openai.chat.completions.create(**asked, stream=True)]
            assert "".join(each.choices[0].delta.content or "" for each in chunks if each.choices) == SAID
            usage = chunks[-1].usage
        assert usage is not None
        assert (usage.prompt_tokens, usage.completion_tokens) == COUNTS[wire]


async def test_what_cannot_be_carried_is_a_400_of_the_clients_own_dialect(gateway: OpenGateway) -> None:
    thinking: Any = {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"}
    said: Any = {"role": "assistant", "content": [thinking, {"type": "text", "text": "Hi"}]}
    async with gateway("openai", stream_of("openai")) as given:
        asked: Any = {"model": MODEL, "max_tokens": 9, "messages": [*HELLO, said, *HELLO]}
        with pytest.raises(anthropic.BadRequestError) as refused:
            await given.anthropic.messages.create(**asked)
        body: Any = refused.value.body
        assert (body["type"], body["error"]["type"]) == ("error", "invalid_request_error")
        assert "messages.1.content.0" in body["error"]["message"]
        assert "drop_params" in body["error"]["message"]
        with pytest.raises(openai.BadRequestError) as refused_response:
            await given.openai.responses.create(model=MODEL, input="Hello?", top_logprobs=2)
        assert refused_response.value.param == "top_logprobs"
        assert given.provider.requests == []
        dropped = await given.anthropic.messages.create(**asked, extra_body={"drop_params": True})
        assert dropped.stop_reason == "end_turn"
        assert "c2lnbmVk" not in json.dumps(given.sent)
        assert "drop_params" not in given.sent


async def test_a_chat_with_what_anthropic_cannot_take_is_refused_or_dropped(gateway: OpenGateway) -> None:
    async with gateway("anthropic", stream_of("anthropic")) as given:
        with pytest.raises(openai.BadRequestError) as refused:
            await given.openai.chat.completions.create(model=MODEL, messages=HELLO, logit_bias={"1": 1})
        assert refused.value.param == "logit_bias"
        await given.openai.chat.completions.create(
            model=MODEL, messages=HELLO, logit_bias={"1": 1}, extra_body={"drop_params": True}
        )
        assert "logit_bias" not in given.sent


async def test_a_setting_drops_what_cannot_be_carried_unless_the_request_says_otherwise(
    gateway: OpenGateway,
) -> None:
    async with gateway("anthropic", stream_of("anthropic"), drop_params=True) as given:
        asked: Any = {"model": MODEL, "messages": HELLO, "logit_bias": {"1": 1}}
        await given.openai.chat.completions.create(**asked)
        assert "logit_bias" not in given.sent
        with pytest.raises(openai.BadRequestError):
            await given.openai.chat.completions.create(**asked, extra_body={"drop_params": False})


@pytest.mark.parametrize("wire", PROVIDERS)
@pytest.mark.parametrize(
    ("status", "seen", "kind"),
    [
        (400, 400, "invalid_request_error"),
        (401, 502, "api_error"),
        (429, 429, "rate_limit_error"),
        (503, 503, "overloaded_error"),
    ],
)
async def test_a_providers_failure_is_anthropics_error_of_the_right_status(
    gateway: OpenGateway, wire: ProviderName, status: int, seen: int, kind: str
) -> None:
    async with gateway(wire, ERRORS[wire](status)) as given:
        with pytest.raises(anthropic.APIStatusError) as refused:
            await given.anthropic.messages.create(model=MODEL, max_tokens=9, messages=HELLO)
        body: Any = refused.value.body
        assert (refused.value.status_code, body["type"]) == (seen, "error")
        assert body["error"]["type"] == ("a_type" if (wire, status) == ("anthropic", 400) else kind)
        assert KEY not in str(body)


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_a_providers_failure_is_openais_error_of_the_right_status(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    async with gateway(wire, ERRORS[wire](400), ERRORS[wire](429)) as given:
        with pytest.raises(openai.BadRequestError, match="It is so") as refused:
            await given.openai.responses.create(model=MODEL, input="Hello?")
        assert (refused.value.type, refused.value.param) == ("invalid_request_error", None)
        with pytest.raises(openai.RateLimitError) as limited:
            await given.openai.responses.create(model=MODEL, input="Hello?")
        assert limited.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_a_stream_that_breaks_off_is_an_error_of_the_clients_own(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    protocol = PROTOCOLS[wire]
    reply = protocol.stream([*protocol.TEXT[:4], ConnectionError])
    async with gateway(wire, reply) as given:
        with pytest.raises(anthropic.APIStatusError, match="broke off"):
            async with given.anthropic.messages.stream(model=MODEL, max_tokens=99, messages=HELLO) as stream:
                await stream.get_final_message()
        stream = await given.openai.responses.create(model=MODEL, input="Hello?", stream=True)
        events = [event async for event in stream]
        assert events[-1].type == "response.failed"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
async def test_the_provider_is_let_go_when_a_translated_client_goes(gateway: OpenGateway, path: str) -> None:
    never = asyncio.Event()
    async with gateway("gemini", gemini_server.stream([*gemini_server.TEXT[:3], never])) as given:
        body = {"model": MODEL, "max_tokens": 99, "messages": HELLO, "stream": True}
        if path == "/v1/responses":
            body = {"model": MODEL, "input": "Hello?", "stream": True}
        async with given.service.client.stream("POST", path, json=body) as answer:
            await anext(answer.aiter_lines())
        await asyncio.wait_for(given.provider.closed.wait(), 20)
        assert given.provider.closed.is_set()


async def test_an_agent_answers_anthropics_client_and_responses(gateway: OpenGateway) -> None:
    async with gateway("openai", stream_of("openai")) as given:
        agents, name = given.service.services.agents, "mode-2/canned"
        agent = await agents.get("generalist", tenant_id=None)
        await agents.save(agent.model_copy(update={"id": "canned", "model": "canned"}), tenant_id=None)
        message = await given.anthropic.messages.create(model=name, max_tokens=99, messages=HELLO)
        assert [block.text for block in message.content if block.type == "text"] == ["Canned."]
        async with given.anthropic.messages.stream(model=name, max_tokens=99, messages=HELLO) as stream:
            assert await stream.get_final_text() == "Canned."
        response = await given.openai.responses.create(model=name, input="Hello?")
        assert response.output_text == "Canned."
        async with given.openai.responses.stream(model=name, input="Hello?") as events:
            assert (await events.get_final_response()).output_text == "Canned."
        assert given.provider.requests == []


async def test_an_agent_refuses_the_clients_tools_in_anthropics_words(gateway: OpenGateway) -> None:
    async with gateway("openai", stream_of("openai")) as given:
        tools: Any = [{"name": "weigh", "input_schema": SCHEMA}]
        with pytest.raises(anthropic.BadRequestError, match="tools are the agent's"):
            await given.anthropic.messages.create(
                model="mode-2/generalist", max_tokens=9, messages=HELLO, tools=tools
            )


async def test_a_model_that_is_not_there_is_a_404_of_each_dialect(gateway: OpenGateway) -> None:
    async with gateway("openai", stream_of("openai")) as given:
        with pytest.raises(anthropic.NotFoundError) as refused:
            await given.anthropic.messages.create(model="nobody:m", max_tokens=9, messages=HELLO)
        body: Any = refused.value.body
        assert body["error"]["type"] == "not_found_error"
        with pytest.raises(openai.NotFoundError):
            await given.openai.responses.create(model="nobody:m", input="Hello?")


async def test_a_key_of_the_engine_is_read_from_anthropics_header(gateway: OpenGateway) -> None:
    async with gateway("openai", stream_of("openai")) as given:
        token = (await given.service.key("acme", "ask"))["Authorization"].removeprefix("Bearer ")
        asked: Any = {"model": "mode-2/generalist", "max_tokens": 9, "messages": HELLO}
        message = await given.anthropic.with_options(api_key=token).messages.create(**asked)
        assert message.stop_reason == "end_turn"
        runs = await given.service.client.get("/v1/runs", headers={"x-api-key": token})
        assert [run["status"] for run in runs.json()["runs"]] == ["completed"]
        revoked = token[:-1] + ("A" if token[-1] != "A" else "B")
        with pytest.raises(anthropic.AuthenticationError) as refused:
            await given.anthropic.with_options(api_key=revoked).messages.create(**asked)
        body: Any = refused.value.body
        assert body["error"]["type"] == "authentication_error"


async def test_tokens_are_counted_for_anthropics_client(gateway: OpenGateway) -> None:
    async with gateway("anthropic", stream_of("anthropic")) as given:
        short = await given.anthropic.messages.count_tokens(model=MODEL, messages=HELLO)
        long: Any = [{"role": "user", "content": "Hello? " * 100}]
        longer = await given.anthropic.messages.count_tokens(model=MODEL, messages=long)
        assert 0 < short.input_tokens < longer.input_tokens
        assert given.provider.requests == []


PICTURE = "iVBORw0KGgo="
ANSWER_SCHEMA: Any = {
    "type": "object",
    "properties": {"days": {"type": "integer"}},
    "required": ["days"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_anthropics_client_sends_instructions_pictures_and_a_schema_to_every_provider(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
    content: Any = [{"type": "image", "source": source}, {"type": "text", "text": "Hello?"}]
    config: Any = {"format": {"type": "json_schema", "schema": ANSWER_SCHEMA}}
    async with gateway(wire, stream_of(wire)) as given:
        async with given.anthropic.messages.stream(
            model=MODEL,
            max_tokens=99,
            system="Be brief.",
            messages=[{"role": "user", "content": content}],
            output_config=config,
            stop_sequences=["END"],
        ) as stream:
            assert await stream.get_final_text() == SAID
        _assert_sent(given)


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_openais_client_sends_instructions_pictures_and_a_schema_in_responses(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}", "detail": "auto"}
    content: Any = [picture, {"type": "input_text", "text": "Hello?"}]
    wanted: Any = {"format": {"type": "json_schema", "name": "answer", "schema": ANSWER_SCHEMA}}
    async with gateway(wire, stream_of(wire)) as given:
        response = await given.openai.responses.create(
            model=MODEL, instructions="Be brief.", input=[{"role": "user", "content": content}], text=wanted
        )
        assert response.output_text == SAID
        _assert_sent(given)


@pytest.mark.parametrize("wire", ["anthropic", "gemini"])
async def test_openais_client_sends_instructions_pictures_and_a_schema_in_chats(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}
    content: Any = [picture, {"type": "text", "text": "Hello?"}]
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "answer", "schema": ANSWER_SCHEMA}}
    messages: Any = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": content}]
    async with gateway(wire, stream_of(wire)) as given:
        completion = await given.openai.chat.completions.create(
            model=MODEL, messages=messages, response_format=wanted
        )
        assert completion.choices[0].message.content == SAID
        _assert_sent(given)


def _assert_sent(given: Gateway) -> None:
    """See that the provider got the instructions, the picture and the schema."""
    sent = json.dumps(given.sent)
    assert all(each in sent for each in ("Be brief.", PICTURE, "Hello?", json.dumps(ANSWER_SCHEMA)))


async def test_a_key_that_the_provider_refuses_is_named_where_an_operator_looks(gateway: OpenGateway) -> None:
    async with gateway("openai", ERRORS["openai"](401)) as given:
        with pytest.raises(openai.APIStatusError):
            await given.openai.chat.completions.create(model=MODEL, messages=HELLO)
        details = (await given.service.client.get("/readyz")).json()["missing"]
        assert any(f"{MODEL} did not answer: the provider refuses its key" in each for each in details)
