"""Events that hold something else than one JSON object, which official clients cannot take."""

from __future__ import annotations

import orjson
import pytest
from tests.ai_engine.gateway.between_protocols.any_provider import (
    COUNTS,
    HELLO,
    MODEL,
    PROTOCOLS,
    SAID,
    Gateway,
    OpenGateway,
    ProviderName,
)
from tests.llm.wires.servers import openai as chat
from tests.llm.wires.servers.base import Reply

pytestmark = pytest.mark.filterwarnings(  # Google's client
    "ignore:Inheritance class AiohttpClientSession from ClientSession is discouraged:DeprecationWarning"
)

END_MARKER = b"data: [DONE]\n\n"


async def said_by_openai(given: Gateway) -> str:
    stream = await given.openai.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    return "".join([choice.delta.content or "" async for chunk in stream for choice in chunk.choices])


async def said_by_anthropic(given: Gateway) -> str:
    async with given.anthropic.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
        return await stream.get_final_text()


async def said_by_gemini(given: Gateway) -> str:
    asked = given.google.aio.models.generate_content_stream(model=MODEL, contents="Hello?")
    return "".join([each.text or "" async for each in await asked])


CLIENTS = {"openai": said_by_openai, "anthropic": said_by_anthropic, "gemini": said_by_gemini}
"""The answer as the official client of each protocol reads it."""


@pytest.mark.parametrize("beginning", [b"data: ", b""], ids=["an event", "a body"])
@pytest.mark.parametrize("wire", PROTOCOLS)
async def test_a_stream_that_comes_as_a_list_is_one_to_its_client(
    gateway: OpenGateway, wire: ProviderName, beginning: bytes
) -> None:
    events = [each for each in PROTOCOLS[wire].TEXT if each != END_MARKER]
    listed = orjson.dumps([orjson.loads(each.partition(b"data: ")[2]) for each in events])
    async with gateway(wire, Reply([beginning + listed + b"\n\n"])) as given:
        assert await CLIENTS[wire](given) == SAID
        assert await given.tokens() == [COUNTS[wire]]


@pytest.mark.parametrize("odd", [b"null", b"7", b'"[DONE]"', b"[]", b"[null]"])
async def test_a_value_that_keeps_the_connection_open_is_nothing_to_its_client(
    gateway: OpenGateway, odd: bytes
) -> None:
    events = [*chat.TEXT[:3], b"data: " + odd + b"\n\n", *chat.TEXT[3:]]
    async with gateway("openai", chat.stream(events)) as given:
        assert await said_by_openai(given) == SAID
        assert await given.tokens() == [COUNTS["openai"]]
