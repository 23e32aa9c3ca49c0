"""Google's own client against each provider's protocol, whole and streamed, through the engine."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from tests.ai_engine.gateway.between_protocols import any_provider
from tests.ai_engine.gateway.between_protocols.any_provider import (
    COUNTS,
    ERRORS,
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
from tests.llm.wires.servers import gemini as gemini_server
from tests.llm.wires.servers import openai as openai_server
from tests.llm.wires.servers.base import Reply

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class AiohttpClientSession from ClientSession is discouraged:DeprecationWarning"
)

OTHERS: list[ProviderName] = ["openai", "anthropic"]
PICTURE = base64.b64decode("iVBORw0KGgo=")
INLINE = {"mimeType": "image/png", "data": base64.b64encode(PICTURE).decode()}
CONTENTS = {"contents": [{"parts": [{"text": "Hello?"}]}]}
PATH = f"/v1beta/models/{MODEL}:generateContent"
WHOLE = {
    "candidates": [
        {
            "content": {"parts": [{"text": SAID, "thoughtSignature": "ZW5k"}], "role": "model"},
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": gemini_server.USAGE,
    "modelVersion": "gemini-test",
    "newField": {"kept": True},
}


async def pieces(given: Gateway, **asked: Any) -> list[types.GenerateContentResponse]:
    asked = {"model": MODEL, "contents": "Hello?"} | asked
    return [each async for each in await given.google.aio.models.generate_content_stream(**asked)]


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_the_client_streams_from_every_provider(gateway: OpenGateway, wire: ProviderName) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        chunks = await pieces(given)
        assert len(chunks) > 3
        assert "".join(each.text or "" for each in chunks) == SAID
        last = chunks[-1]
        assert last.candidates
        assert last.candidates[0].finish_reason == types.FinishReason.STOP
        counts = last.usage_metadata
        assert counts is not None
        written = (counts.candidates_token_count or 0) + (counts.thoughts_token_count or 0)
        assert (counts.prompt_token_count, written) == COUNTS[wire]
        assert await given.tokens() == [COUNTS[wire]]


@pytest.mark.parametrize("wire", OTHERS)
async def test_the_client_gets_a_whole_answer_of_another_provider(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        answer = await given.google.aio.models.generate_content(model=MODEL, contents="Hello?")
        assert answer.text == SAID
        assert await given.tokens() == [COUNTS[wire]]


async def test_a_whole_answer_of_gemini_passes_verbatim(gateway: OpenGateway) -> None:
    reply = Reply([json.dumps(WHOLE).encode()], content_type="application/json")
    async with gateway("gemini", reply) as given:
        body = CONTENTS | {"safety_settings": [{"category": "X", "threshold": "BLOCK_NONE"}]}
        answer = await given.service.client.post(PATH, json=body)
        assert (answer.status_code, answer.json()) == (200, WHOLE)
        assert given.sent == body
        assert given.provider.requests[-1].path == "/v1beta/models/m:generateContent"
        assert await given.tokens() == [COUNTS["gemini"]]


async def test_a_stream_of_gemini_passes_verbatim_with_its_signatures(gateway: OpenGateway) -> None:
    async with gateway("gemini", stream_of("gemini")) as given:
        path = f"/v1/models/{MODEL}:streamGenerateContent"
        answer = await given.service.client.post(path, json=CONTENTS, params={"alt": "sse"})
        assert answer.text.count("data: ") == len(gemini_server.TEXT)
        assert '"thoughtSignature":"ZW5k"' in answer.text.replace(" ", "")


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_the_client_runs_its_tools_with_every_provider(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    things: list[str] = []

    def weigh(thing: str = "", **_: Any) -> str:
        """Weigh a thing."""
        things.append(thing)
        return "7"

    def measure() -> str:
        """Measure nothing."""
        things.append("measured")
        return "8"

    replies = (stream_of(wire, "TOOLS"), stream_of(wire))
    if wire == "gemini":  # which answers as a whole where it is asked so
        tool = {"functionCall": {"id": "fc_1", "name": "weigh", "args": {"thing": "the moon"}}}
        called = WHOLE | {
            "candidates": [{"content": {"parts": [tool], "role": "model"}, "finishReason": "STOP"}]
        }
        whole = [
            Reply([json.dumps(each).encode()], content_type="application/json") for each in (called, WHOLE)
        ]
        replies = (whole[0], whole[1])
    async with gateway(wire, *replies) as given:
        answer = await given.google.aio.models.generate_content(
            model=MODEL, contents="Weigh it.", config={"tools": [weigh, measure]}
        )
        assert answer.text == SAID
        assert "the moon" in things
        assert "7" in json.dumps(given.sent)


@pytest.mark.parametrize("wire", OTHERS)
async def test_the_client_sends_instructions_pictures_and_a_schema(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        picture = types.Part.from_bytes(data=PICTURE, mime_type="image/png")
        answer = await given.google.aio.models.generate_content(
            model=MODEL,
            contents=[picture, "What is it?"],
            config=types.GenerateContentConfig(
                system_instruction="Be brief.",
                temperature=0.5,
                max_output_tokens=77,
                stop_sequences=["END"],
                response_mime_type="application/json",
                response_schema={
                    "type": "OBJECT",
                    "properties": {"thing": {"type": "STRING", "nullable": True}},
                },
            ),
        )
        assert answer.text == SAID
        sent = json.dumps(given.sent)
        for each in ("Be brief.", base64.b64encode(PICTURE).decode(), "What is it?", "77", "0.5", "END"):
            assert each in sent
        assert '["string", "null"]' in sent


async def test_thoughts_are_shown_where_they_are_asked_for(gateway: OpenGateway) -> None:
    async with gateway(
        "anthropic", stream_of("anthropic", "THOUGHT"), stream_of("anthropic", "THOUGHT")
    ) as given:
        config = {"thinking_config": {"include_thoughts": True}}
        shown = await pieces(given, config=config)
        hidden = await pieces(given)
    parts = [
        [part for each in chunks for part in each.parts or () if part.thought] for chunks in (shown, hidden)
    ]
    assert parts[0]
    assert not parts[1]


@pytest.mark.parametrize("wire", PROVIDERS)
@pytest.mark.parametrize(("status", "raised"), [(400, 400), (401, 502), (404, 404), (429, 429), (500, 502)])
async def test_a_providers_failure_is_googles_error_of_the_right_status(
    gateway: OpenGateway, wire: ProviderName, status: int, raised: int
) -> None:
    async with gateway(wire, ERRORS[wire](status)) as given:
        with pytest.raises(errors.APIError) as caught:
            await given.google.aio.models.generate_content(model=MODEL, contents="Hello?")
        assert caught.value.code == raised
        assert caught.value.status
        assert caught.value.message


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_a_stream_that_breaks_off_is_an_error_of_the_clients_own(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    protocol = PROTOCOLS[wire]
    async with gateway(wire, protocol.stream([*protocol.TEXT[:4], ConnectionError])) as given:
        with pytest.raises(errors.ServerError) as caught:
            await pieces(given)
        assert caught.value.code == 502


async def test_the_provider_is_let_go_when_the_client_goes(gateway: OpenGateway) -> None:
    reply = openai_server.stream([*openai_server.TEXT[:3], asyncio.Event()])
    async with gateway("openai", reply) as given:
        path = f"/v1beta/models/{MODEL}:streamGenerateContent"
        asked = given.service.client.stream("POST", path, json=CONTENTS, params={"alt": "sse"})
        async with asked as response:
            assert await anext(response.aiter_bytes())
        assert await asyncio.wait_for(given.provider.closed.wait(), 30)


async def test_an_agent_answers_the_client(gateway: OpenGateway) -> None:
    async with gateway("openai") as given:
        agents = given.service.services.agents
        agent = await agents.get("generalist", tenant_id=None)
        await agents.save(agent.model_copy(update={"id": "canned", "model": "canned"}), tenant_id=None)
        asked = {"model": "mode-2/canned", "contents": "How long?"}
        whole = await given.google.aio.models.generate_content(**asked)
        streamed = await pieces(given, **asked)
        assert whole.text == "Canned."
        assert "".join(each.text or "" for each in streamed) == "Canned."
        assert given.provider.requests == []


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_a_key_is_read_from_googles_header(gateway: OpenGateway, version: str) -> None:
    async with gateway("openai", stream_of("openai")) as given:
        allowed = await given.service.client.put("/v1/budgets/acme", json={"models": [MODEL]})
        assert allowed.status_code == 200
        header = await given.service.key("acme", "ask")
        key = header["Authorization"].removeprefix("Bearer ")
        options = types.HttpOptions(base_url=f"http://127.0.0.1:{given.service.port}", api_version=version)
        async with genai.Client(api_key=key, http_options=options).aio as client:
            answer = await client.models.generate_content(model=MODEL, contents="Hello?")
            assert answer.text == SAID
        async with genai.Client(api_key=f"{key}x", http_options=options).aio as client:
            with pytest.raises(errors.ClientError) as caught:
                await client.models.generate_content(model=MODEL, contents="Hello?")
            assert (caught.value.code, caught.value.status) == (401, "UNAUTHENTICATED")


async def test_models_are_listed_and_shown(gateway: OpenGateway) -> None:
    async with gateway("openai") as given:
        for version in ("v1", "v1beta"):
            options = types.HttpOptions(
                base_url=f"http://127.0.0.1:{given.service.port}", api_version=version
            )
            async with genai.Client(api_key="any", http_options=options).aio as client:
                listed = [each.name async for each in await client.models.list()]
                assert {f"models/{MODEL}", "models/mode-2/generalist"} <= set(listed)
                assert (await client.models.get(model=MODEL)).name == f"models/{MODEL}"
        openais = (await given.service.client.get("/v1/models")).json()
        assert MODEL in [each["id"] for each in openais["data"]]


async def test_tokens_are_counted(gateway: OpenGateway) -> None:
    async with gateway("openai") as given:
        short = await given.google.aio.models.count_tokens(model=MODEL, contents="Hello?")
        long = await given.google.aio.models.count_tokens(model=MODEL, contents="Hello? " * 100)
        assert 0 < (short.total_tokens or 0) < (long.total_tokens or 0)


EMBEDDINGS = {
    "object": "list",
    "data": [{"index": at, "embedding": [0.25 * at, -0.5]} for at in (1, 0)],
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}


async def test_texts_are_embedded_in_their_order(gateway: OpenGateway) -> None:
    reply = Reply([json.dumps(EMBEDDINGS).encode()], content_type="application/json")
    async with gateway("openai", reply) as given:
        answer = await given.google.aio.models.embed_content(
            model=MODEL, contents=["one", "two"], config={"output_dimensionality": 2}
        )
        assert [each.values for each in answer.embeddings or ()] == [[0.0, -0.5], [0.25, -0.5]]
        assert given.sent == {
            "model": "m",
            "input": ["one", "two"],
            "encoding_format": "float",
            "dimensions": 2,
        }


async def test_one_text_is_embedded(gateway: OpenGateway) -> None:
    one = EMBEDDINGS | {"data": [{"index": 0, "embedding": [1.0]}]}
    async with gateway("openai", Reply([json.dumps(one).encode()], content_type="application/json")) as given:
        path = f"/v1beta/models/{MODEL}:embedContent"
        answer = await given.service.client.post(path, json={"content": {"parts": [{"text": "one"}]}})
        assert answer.json() == {"embedding": {"values": [1.0]}}


async def test_a_schema_of_the_client_is_a_json_schema_for_its_tools(gateway: OpenGateway) -> None:
    declared = types.FunctionDeclaration(name="weigh", description="Weigh.", parameters_json_schema=SCHEMA)
    async with gateway("openai", stream_of("openai")) as given:
        await given.google.aio.models.generate_content(
            model=MODEL,
            contents="Hello?",
            config=types.GenerateContentConfig(
                tools=[types.Tool(function_declarations=[declared])],
                tool_config=types.ToolConfig(
                    function_calling_config=types.FunctionCallingConfig(
                        mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["weigh"]
                    )
                ),
            ),
        )
        assert given.sent["tools"][0]["function"]["parameters"] == SCHEMA
        assert given.sent["tool_choice"] == {"type": "function", "function": {"name": "weigh"}}


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_a_provider_gets_no_personal_data_and_the_client_has_it_back(
    gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch, wire: ProviderName
) -> None:
    masking = f'{any_provider.CONFIGURATION}\n[guardrails]\nmask = ["email"]\n'
    monkeypatch.setattr(any_provider, "CONFIGURATION", masking)
    async with gateway(wire, stream_of(wire)) as given:
        body = {
            "contents": [{"parts": [{"text": "Who is ann@example.org?"}, {"inlineData": INLINE}]}],
            "generationConfig": {"responseMimeType": "application/json"} if wire == "gemini" else {},
        }
        path = f"/v1beta/models/{MODEL}:streamGenerateContent"
        answer = await given.service.client.post(path, json=body, params={"alt": "sse"})
        assert answer.status_code == 200, answer.text
        sent = json.dumps(given.sent)
        assert "ann@example.org" not in sent
        assert "<EMAIL_" in sent
        assert INLINE["data"] in sent
        texts = [
            part["text"]
            for line in answer.text.splitlines()
            if line.startswith("data: ")
            for part in json.loads(line[6:])["candidates"][0]["content"]["parts"]
            if not part.get("thought")
        ]
        assert "".join(texts) == SAID


@pytest.mark.parametrize("wire", OTHERS)
async def test_a_chat_of_streams_sends_each_answer_before_as_one_message(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    async with gateway(wire, stream_of(wire), stream_of(wire)) as given:
        chat = given.google.aio.chats.create(model=MODEL)
        for question in ("One?", "Two?"):
            chunks = [each async for each in await chat.send_message_stream(question)]
            assert "".join(each.text or "" for each in chunks) == SAID
        messages = given.sent["messages"]
        assert [each["role"] for each in messages] == ["user", "assistant", "user"]
        assert SAID in json.dumps(messages[1], ensure_ascii=False)
