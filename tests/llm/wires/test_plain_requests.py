"""What servers and models of Anthropic's and Gemini's protocols refuse is written more plainly, once, and then always."""

import pytest
from tests.llm.wires.conftest import WITH_TOOLS, collect, text
from tests.llm.wires.servers import anthropic, gemini
from tests.llm.wires.servers.base import serve

from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.gemini import GeminiWire
from vital_shared.llm.wires.provider import Provider

CLOSED = WITH_TOOLS.model_copy(update={"may_call": False})


async def sent(wire, refusal, answer):
    """Ask twice a server that refuses the first request, and return the bodies that it got."""
    async with serve(refusal, answer) as server:
        provider = Provider(wire.name, wire, base_url=server.url, attempts=1)
        assert text(await collect(provider, CLOSED)) == anthropic.SAID
        assert text(await collect(provider, CLOSED)) == anthropic.SAID
        await provider.aclose()
    first, *plain = [request.body for request in server.requests]
    assert len(plain) == 2
    assert plain[0] == plain[1]
    return first, plain[0]


@pytest.mark.parametrize(
    "words",
    [
        "Developer instruction is not enabled for models/gemma-3-27b-it",
        'Invalid JSON payload received. Unknown name "systemInstruction": Cannot find field.',
        'Invalid JSON payload received. Unknown name "system_instruction": Cannot find field.',
    ],
)
async def test_a_model_without_an_instruction_reads_it_before_the_question(words):
    refusal = gemini.error(400, "INVALID_ARGUMENT", words)
    first, plain = await sent(GeminiWire(), refusal, gemini.stream(gemini.TEXT))
    assert first["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert "systemInstruction" not in plain
    assert plain["contents"] == [
        {"role": "user", "parts": [{"text": "Be brief.\n\n"}, {"text": "How long?"}]}
    ]
    assert plain["tools"] == first["tools"]


async def test_a_model_without_tools_is_sent_none():
    refusal = gemini.error(
        400, "INVALID_ARGUMENT", "Function calling is not enabled for models/gemma-3-4b-it"
    )
    first, plain = await sent(GeminiWire(), refusal, gemini.stream(gemini.TEXT))
    assert {*first} - {*plain} == {"tools", "toolConfig"}


@pytest.mark.parametrize(
    "words",
    [
        "system.0.cache_control: Extra inputs are not permitted",
        "cache_control is not supported",
        "system: Input should be a valid string",
    ],
)
async def test_a_server_that_knows_no_cache_gets_the_instruction_as_plain_text(words):
    refusal = anthropic.error(400, "invalid_request_error", words)
    first, plain = await sent(AnthropicWire(), refusal, anthropic.stream(anthropic.TEXT))
    assert plain == first | {"system": "Be brief."}


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        ("tools: Extra inputs are not permitted", {"tools", "tool_choice"}),
        ("This model does not support tool use in streaming mode.", {"tools", "tool_choice"}),
        ("tool_choice: none is not supported", {"tool_choice"}),
    ],
)
async def test_a_server_without_tools_is_sent_none(words, left_out):
    refusal = anthropic.error(400, "invalid_request_error", words)
    first, plain = await sent(AnthropicWire(), refusal, anthropic.stream(anthropic.TEXT))
    assert {*first} - {*plain} == left_out
