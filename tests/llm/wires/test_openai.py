"""OpenAI's protocol: what is sent, and what is read, by us and by the official client alike."""

import openai
import orjson
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI
from pydantic import SecretStr
from tests.llm.wires.conftest import (
    CHAT,
    MEASURE,
    WEIGH,
    WITH_TOOLS,
    collect,
    counted,
    reasoning,
    stopped,
    text,
    turn,
)
from tests.llm.wires.servers.base import event, serve
from tests.llm.wires.servers.openai import DONE, END, SAID, TEXT, TOOLS, USAGE, chunk, error, piece, stream

from vital_shared.llm.base import ModelToolCall, ModelTurn, ModelUnavailable, Stop, Usage
from vital_shared.llm.wires.base import ToolOutput, ToolTurn, UserTurn
from vital_shared.llm.wires.openai import AzureWire, OpenAIWire
from vital_shared.llm.wires.provider import Provider


async def ask(parts, chat=CHAT):
    async with serve(stream(parts)) as server:
        provider = Provider("openai", OpenAIWire(), base_url=f"{server.url}/v1", attempts=1)
        try:
            return server, await collect(provider, chat)
        finally:
            await provider.aclose()


def body(chat, wire=None):
    return (wire or OpenAIWire()).request("gpt-test", chat).body


def usage(events):
    return counted(events)[-1]


async def test_text_usage_and_the_end():
    _, events = await ask(TEXT)
    assert text(events) == SAID
    assert usage(events) == Usage(
        input_tokens=120, cached_input_tokens=100, output_tokens=30, reasoning_tokens=20
    )
    assert stopped(events) == Stop(reason="end", request_id="req_openai_1")


async def test_tool_calls_come_whole_out_of_their_pieces():
    _, events = await ask(TOOLS, WITH_TOOLS)
    calls = (
        ModelToolCall(id="call_0", name="weigh", arguments={"thing": "the moon"}),
        ModelToolCall(id="call_1", name="measure", arguments={}),
    )
    assert [event for event in events if isinstance(event, ModelToolCall)] == list(calls)
    assert turn(events) == ModelTurn(calls=calls)
    assert events[-1].reason == "tool_calls"


async def test_servers_that_send_whole_calls_without_ids_are_understood():
    whole = chunk({"tool_calls": [{"function": {"name": "weigh", "arguments": '{"thing": "x"}'}}]})
    _, events = await ask([whole, chunk(finish="stop"), DONE], WITH_TOOLS)
    (call,) = turn(events).calls
    assert call == ModelToolCall(id=call.id, name="weigh", arguments={"thing": "x"})
    assert call.id.startswith("call_")
    assert events[-1].reason == "tool_calls"


async def test_arguments_that_are_no_object_are_an_error():
    with pytest.raises(ModelUnavailable, match='tool "weigh" with arguments that are not an object'):
        await ask([piece(0, name="weigh", arguments='{"thing": '), chunk(finish="tool_calls"), *END])


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_where_it_is_shared(field):
    _, events = await ask([chunk({field: "Hm. "}), chunk({field: "So."}), *TEXT])
    assert reasoning(events) == "Hm. So."
    assert text(events) == SAID


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("stop", "end"), ("length", "length"), ("content_filter", "content_filter"), ("eos", "end")],
)
async def test_reasons_of_the_end(finish, reason):
    _, events = await ask([chunk({"content": "x"}), chunk(finish=finish), *END])
    assert events[-1].reason == reason


async def test_a_refusal_is_text():
    _, events = await ask([chunk({"refusal": "I will not."}), chunk(finish="stop"), *END])
    assert text(events) == "I will not."


async def test_text_usage_and_finish_in_one_chunk_as_some_servers_send_it():
    last = event(
        {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}], "usage": USAGE}
    )
    _, events = await ask([last])  # and no [DONE]
    assert text(events) == "x"
    assert usage(events).input_tokens == 120


async def test_azure_filters_prompts_first_in_a_chunk_without_choices():
    _, events = await ask([event({"choices": [], "prompt_filter_results": []}), *TEXT])
    assert text(events) == SAID


def test_the_request():
    assert body(CHAT) == {
        "model": "gpt-test",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How long?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 50,
    }


def test_openai_itself_wants_another_name_for_the_limit():
    assert body(CHAT, OpenAIWire("max_completion_tokens"))["max_completion_tokens"] == 50


def test_tools_may_be_there_and_closed():
    assert body(WITH_TOOLS)["tools"][0] == {"type": "function", "function": WEIGH.model_dump()}
    assert "tool_choice" not in body(WITH_TOOLS)
    assert body(WITH_TOOLS.model_copy(update={"may_call": False}))["tool_choice"] == "none"


def test_a_schema_for_the_answer():
    schema = {"type": "object", "properties": {"days": {"type": "integer"}}}
    asked = CHAT.model_copy(update={"response_schema": schema, "temperature": 0.0})
    assert body(asked)["response_format"]["json_schema"]["schema"] == schema
    assert body(asked)["temperature"] == 0.0


def test_a_tool_loop_is_written_as_the_reference_shows_it():
    call = ModelToolCall(id="c1", name="weigh", arguments={"thing": "é"})
    turns = (
        UserTurn(text="How heavy?"),
        ModelTurn(text="Let me see.", calls=(call,)),
        ToolTurn(outputs=(ToolOutput(id="c1", name="weigh", text="12 kg"),)),
    )
    _, user, assistant, result = body(CHAT.model_copy(update={"turns": turns}))["messages"]
    assert user["role"] == "user"
    assert assistant["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "weigh", "arguments": '{"thing":"é"}'}}
    ]
    assert result == {"role": "tool", "tool_call_id": "c1", "content": "12 kg"}


def test_azure_has_its_own_path_and_header():
    wire = AzureWire("2026-01-01")
    assert wire.request("dep", CHAT).path == "/openai/deployments/dep/chat/completions?api-version=2026-01-01"
    assert wire.headers("k") == {"api-key": "k"}
    assert wire.request_id({"apim-request-id": "a1"}) == "a1"
    assert OpenAIWire().headers(None) == {}


async def test_azures_official_client_asks_in_the_same_way():
    chat = CHAT.model_copy(update={"system": ""})
    async with serve(stream(TEXT, headers={"apim-request-id": "azure-1"})) as server:
        provider = Provider("azure", AzureWire("2026-01-01"), base_url=server.url, key=SecretStr("k"))
        try:
            events = await collect(provider, chat, "dep")
        finally:
            await provider.aclose()
        async with AsyncAzureOpenAI(
            azure_endpoint=server.url, api_version="2026-01-01", api_key="k", max_retries=0
        ) as client:
            sent = body(chat, AzureWire("2026-01-01")) | {"model": "dep"}
            chunks = [each async for each in await client.chat.completions.create(**sent)]
    ours, theirs = server.requests
    assert (ours.path, ours.body, ours.headers["api-key"]) == (theirs.path, theirs.body, "k")
    assert theirs.headers["api-key"] == "k"
    assert "Authorization" not in ours.headers
    assert text(events) == "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == SAID
    assert stopped(events) == Stop(reason="end", request_id="azure-1")


async def test_the_official_client_reads_the_same_text_and_usage():
    async with serve(stream(TEXT)) as server, AsyncOpenAI(base_url=f"{server.url}/v1", api_key="k") as client:
        chunks = [
            chunk
            async for chunk in await client.chat.completions.create(
                model="gpt-test",
                messages=[{"role": "user", "content": "How long?"}],
                stream=True,
                stream_options={"include_usage": True},
            )
        ]
        sent = server.requests[0].body
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == SAID
    assert chunks[-1].usage.prompt_tokens_details.cached_tokens == 100
    ours = body(CHAT)
    assert {key: ours[key] for key in ("model", "stream", "stream_options")} == {
        key: sent[key] for key in ("model", "stream", "stream_options")
    }


async def test_the_official_client_reads_the_same_tool_calls():
    async with (
        serve(stream(TOOLS)) as server,
        AsyncOpenAI(base_url=f"{server.url}/v1", api_key="k") as client,
    ):
        tools = [{"type": "function", "function": tool.model_dump()} for tool in (WEIGH, MEASURE)]
        async with client.chat.completions.stream(
            model="gpt-test", messages=[{"role": "user", "content": "?"}], tools=tools
        ) as streamed:
            final = await streamed.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert [(c.id, c.function.name, orjson.loads(c.function.arguments)) for c in calls] == [
        ("call_0", "weigh", {"thing": "the moon"}),
        ("call_1", "measure", {}),
    ]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
async def test_the_official_client_reads_the_same_errors(status, kind):
    async with (
        serve(error(status, "The reason.", code="a_code")) as server,
        AsyncOpenAI(base_url=f"{server.url}/v1", api_key="k", max_retries=0) as client,
    ):
        with pytest.raises(kind, match=r"The reason\.") as caught:
            await client.chat.completions.create(**body(CHAT))
    assert (caught.value.code, caught.value.request_id) == ("a_code", "req_openai_1")
