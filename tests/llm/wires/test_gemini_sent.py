"""What is sent to Gemini; and its official client sends the same, and reads the same of what comes."""

import aiohttp
import pytest
from google import genai
from google.genai import errors, types
from tests.llm.wires.conftest import CHAT, MEASURE, WEIGH, WITH_TOOLS
from tests.llm.wires.servers.base import serve
from tests.llm.wires.servers.gemini import SAID, TEXT, TOOLS, error, stream

from vital_shared.llm.base import ModelToolCall, ModelTurn
from vital_shared.llm.wires.base import UserTurn
from vital_shared.llm.wires.gemini import GeminiWire


def body(chat):
    return GeminiWire().request("gemini-test", chat).body


def test_the_request():
    asked = CHAT.model_copy(update={"temperature": 0.0, "response_schema": {"type": "object"}})
    assert body(asked) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "How long?"}]}],
        "generationConfig": {
            "maxOutputTokens": 50,
            "temperature": 0.0,
            "responseMimeType": "application/json",
            "responseJsonSchema": {"type": "object"},
        },
    }
    assert "generationConfig" not in body(CHAT.model_copy(update={"max_output_tokens": None}))


def test_tools_may_be_there_and_closed():
    assert body(WITH_TOOLS)["tools"][0]["functionDeclarations"][0] == {
        "name": "weigh",
        "description": "Weigh a thing.",
        "parametersJsonSchema": WEIGH.parameters,
    }
    assert "toolConfig" not in body(WITH_TOOLS)
    closed = body(WITH_TOOLS.model_copy(update={"may_call": False}))
    assert closed["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}


def test_turns_of_other_providers_are_written_so_that_they_are_taken():
    calls = tuple(ModelToolCall(id=id_, name="weigh", arguments={"thing": "é"}) for id_ in ("c1", "c2"))
    turns = (
        UserTurn(text="?"),
        ModelTurn(),
        ModelTurn(text="Hm.", calls=calls, wire="anthropic", native=[1]),
    )
    given = {"name": "weigh", "args": {"thing": "é"}}
    assert body(CHAT.model_copy(update={"turns": turns}))["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "Hm."},
                {
                    "functionCall": {"id": "c1", **given},
                    "thoughtSignature": "skip_thought_signature_validator",
                },
                {"functionCall": {"id": "c2", **given}},
            ],
        }
    ]


def test_tuned_models_have_a_path_of_their_own():
    wire = GeminiWire()
    assert wire.request("tunedModels/mine", CHAT).path.startswith("/v1beta/tunedModels/mine:stream")
    assert wire.request("a b", CHAT).path.startswith("/v1beta/models/a%20b:stream")
    assert (wire.headers(None), wire.request_id({})) == ({}, None)


async def official(parts, **config):
    return await official_of(stream(parts), **config)


async def official_of(reply, **config):
    async with serve(reply) as server, aiohttp.ClientSession() as session:
        http = types.HttpOptions(base_url=server.url, api_version="v1beta", aiohttp_client=session)
        client = genai.Client(api_key="k", http_options=http)
        try:
            streamed = await client.aio.models.generate_content_stream(
                model="test", contents="How long?", config=types.GenerateContentConfig(**config)
            )
            return [chunk async for chunk in streamed], server.requests[0]
        finally:
            await client.aio.aclose()
            client.close()


async def test_the_official_client_reads_the_same_text_and_usage():
    chunks, sent = await official(TEXT, system_instruction="Be brief.", max_output_tokens=50)
    said = [part.text for each in chunks for part in each.candidates[0].content.parts]
    assert "".join(said) == SAID
    usage = chunks[-1].usage_metadata
    assert (usage.prompt_token_count, usage.thoughts_token_count) == (120, 15)
    assert chunks[-1].response_id == "response-1"
    ours = GeminiWire().request("test", CHAT)
    assert sent.path == ours.path
    assert sent.body["contents"] == ours.body["contents"]
    assert sent.body["generationConfig"] == ours.body["generationConfig"]
    assert sent.body["systemInstruction"]["parts"] == ours.body["systemInstruction"]["parts"]


async def test_the_official_client_reads_the_same_calls_and_sends_the_same_tools():
    declared = [
        types.FunctionDeclaration(
            name=tool.name, description=tool.description, parameters_json_schema=tool.parameters
        )
        for tool in (WEIGH, MEASURE)
    ]
    chunks, sent = await official(TOOLS, tools=[types.Tool(function_declarations=declared)])
    made = [each for chunk in chunks for each in chunk.function_calls or ()]
    assert [(c.id, c.name, c.args) for c in made] == [
        ("fc_1", "weigh", {"thing": "the moon"}),
        ("fc_2", "measure", {}),
    ]
    theirs, ours = (
        [types.Tool.model_validate(tool) for tool in each["tools"]] for each in (sent.body, body(WITH_TOOLS))
    )
    assert theirs == ours  # which may be written in either of protobuf's two spellings


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (400, "INVALID_ARGUMENT", errors.ClientError),
        (429, "RESOURCE_EXHAUSTED", errors.ClientError),
        (503, "UNAVAILABLE", errors.ServerError),
    ],
)
async def test_the_official_client_reads_the_same_errors(code, status, expected):
    with pytest.raises(expected) as caught:
        await official_of(error(code, status, "The reason."))
    assert (caught.value.code, caught.value.status) == (code, status)
    assert "The reason." in str(caught.value)
