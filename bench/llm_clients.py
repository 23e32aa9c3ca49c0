"""The clients of `bench/llm.py`: each makes, for an address and a protocol, a call that counts the chunks."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import aiohttp
import orjson
from pydantic import SecretStr

from vital_shared.llm.base import TextDelta
from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.base import Chat, UserTurn, Wire
from vital_shared.llm.wires.gemini import GeminiWire
from vital_shared.llm.wires.openai import OpenAIWire
from vital_shared.llm.wires.provider import Provider

QUESTION = "Say something."
CHAT = Chat(turns=(UserTurn(text=QUESTION),), max_output_tokens=4_000)
WIRES: dict[str, Wire] = {"openai": OpenAIWire(), "anthropic": AnthropicWire(), "gemini": GeminiWire()}
PREFIXES = {"openai": "/v1", "anthropic": "", "gemini": ""}
"""Prefixes that the clients expect in an address."""

Ask = Callable[[], Awaitable[int]]
"""Makes a call, and returns how many chunks of text have come."""

Make = Callable[[str, str, AsyncExitStack], Awaitable[Ask]]
"""Makes such a call of an address and the name of a protocol; what has to be closed goes to the stack."""

FLOOR = "bare aiohttp, by lines"
BY_PACKETS = "bare aiohttp, by packets"
OURS = "VITAL"
OWN = (FLOOR, BY_PACKETS, OURS)


def _openai_text(data: Any) -> object:
    return data["choices"] and data["choices"][0]["delta"].get("content")


def _anthropic_text(data: Any) -> object:
    return data["type"] == "content_block_delta" and data["delta"].get("text")


def _gemini_text(data: Any) -> object:
    return data["candidates"][0]["content"]["parts"][0].get("text")


TAKES = {"openai": _openai_text, "anthropic": _anthropic_text, "gemini": _gemini_text}


async def bare(url: str, name: str, stack: AsyncExitStack, *, by_lines: bool) -> Ask:
    session = await stack.enter_async_context(aiohttp.ClientSession())
    wire, take = WIRES[name], TAKES[name]
    path, body = wire.request("m", CHAT)
    address = url + PREFIXES[name] + path
    payload, headers = orjson.dumps(body), {"Content-Type": "application/json", **wire.headers("k")}

    async def lines() -> int:
        count = 0
        async with session.post(address, data=payload, headers=headers) as response:
            async for line in response.content:
                if line.startswith(b"data: {") and take(orjson.loads(line[6:])):
                    count += 1
        return count

    async def packets() -> int:
        count, rest = 0, b""
        async with session.post(address, data=payload, headers=headers) as response:
            async for packet in response.content.iter_any():
                *whole, rest = (rest + packet).split(b"\n")
                for line in whole:
                    if line.startswith(b"data: {") and take(orjson.loads(line[6:])):
                        count += 1
        return count

    return lines if by_lines else packets


async def ours(url: str, name: str, stack: AsyncExitStack) -> Ask:
    provider = Provider(name, WIRES[name], base_url=url + PREFIXES[name], key=SecretStr("k"))
    stack.push_async_callback(provider.aclose)

    async def ask() -> int:
        count = 0
        async for each in provider.stream("m", CHAT):
            if isinstance(each, TextDelta):  # those of one packet are one: each chunk is one word
                count += each.text.count(" ")
        return count

    return ask


async def official(url: str, name: str, _: AsyncExitStack) -> Ask:
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    if name == "openai":
        from openai import AsyncOpenAI

        openai = AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)

        async def ask() -> int:
            stream = await openai.chat.completions.create(model="m", messages=messages, stream=True)
            return sum([bool(c.choices and c.choices[0].delta.content) async for c in stream])

    elif name == "anthropic":
        from anthropic import AsyncAnthropic

        anthropic = AsyncAnthropic(base_url=url, api_key="k", max_retries=0)

        async def ask() -> int:
            stream = await anthropic.messages.create(
                model="m", max_tokens=4_000, messages=messages, stream=True
            )
            return sum([each.type == "content_block_delta" async for each in stream])

    else:
        from google import genai
        from google.genai import types

        gemini = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url))

        async def ask() -> int:
            stream = await gemini.aio.models.generate_content_stream(model="m", contents=QUESTION)
            return sum([bool(each.text) async for each in stream])

    return ask


async def pydantic_ai(url: str, name: str, _: AsyncExitStack) -> Ask:
    from pydantic_ai.direct import model_request_stream
    from pydantic_ai.messages import ModelRequest, PartDeltaEvent, PartStartEvent, TextPart

    model: Any
    if name == "openai":
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        model = OpenAIChatModel("m", provider=OpenAIProvider(base_url=f"{url}/v1", api_key="k"))
    elif name == "anthropic":
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        model = AnthropicModel("m", provider=AnthropicProvider(base_url=url, api_key="k"))
    else:
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider

        model = GoogleModel("m", provider=GoogleProvider(base_url=url, api_key="k"))

    async def ask() -> int:
        count = 0
        request = [ModelRequest.user_text_prompt(QUESTION)]
        async with model_request_stream(model, request, instrument=False) as response:
            async for event in response:
                starts = isinstance(event, PartStartEvent) and isinstance(event.part, TextPart)
                if isinstance(event, PartDeltaEvent) or (starts and event.part.content):
                    count += 1
        return count

    return ask


async def litellm(url: str, name: str, _: AsyncExitStack) -> Ask:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch its prices
    import litellm as client

    client.telemetry = False
    client.suppress_debug_info = True
    base = {
        "openai": f"{url}/v1",
        "anthropic": url,
        "gemini": f"{url}/v1beta/models/m",
    }[name]

    async def ask() -> int:
        stream = await client.acompletion(
            model=f"{name}/m",
            api_base=base,
            api_key="k",
            stream=True,
            max_tokens=4_000,
            messages=[{"role": "user", "content": QUESTION}],
        )
        return sum([bool(c.choices and c.choices[0].delta.content) async for c in stream])

    return ask


CLIENTS: dict[str, Make] = {
    FLOOR: partial(bare, by_lines=True),
    BY_PACKETS: partial(bare, by_lines=False),
    OURS: ours,
    "official client": official,
    "pydantic-ai": pydantic_ai,
    "LiteLLM": litellm,
}
