"""OpenAI's older completions, asked by the official clients."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from tests.ai_engine.gateway.conftest import OpenGateway
from tests.llm.wires.servers import openai as protocol
from tests.llm.wires.servers.base import Reply

PROMPT = "def add(a, b):\n    return"


async def test_a_prompt_is_completed_whole(gateway: OpenGateway) -> None:
    async with gateway(protocol.stream(protocol.TEXT)) as given:
        made = await given.client.completions.create(
            model="mine:m", prompt=PROMPT, max_tokens=16, temperature=0, stop=["\n\n"], user="ann"
        )
        assert (made.object, made.id[:5]) == ("text_completion", "cmpl-")
        assert (made.choices[0].text, made.choices[0].finish_reason) == (protocol.SAID, "stop")
        assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (120, 30)
        assert given.sent["messages"] == [{"role": "user", "content": PROMPT}]
        assert (given.sent["temperature"], given.sent["stop"]) == (0, ["\n\n"])
        assert [row[:3] for row in await given.charges()] == [("default", "ann", "mine:m")]


async def test_a_prompt_is_completed_in_a_stream(gateway: OpenGateway) -> None:
    async with gateway(protocol.stream(protocol.TEXT)) as given:
        stream = await given.client.completions.create(
            model="mine:m", prompt=[PROMPT], stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        assert {chunk.object for chunk in chunks} == {"text_completion"}
        *texts, end, usage = chunks
        assert "".join(chunk.choices[0].text for chunk in texts) == protocol.SAID
        assert (end.choices[0].text, end.choices[0].finish_reason) == ("", "stop")
        assert (usage.choices, usage.usage.total_tokens) == ([], 150)


async def test_workflows_and_azures_path_complete_too(gateway: OpenGateway) -> None:
    async with gateway() as given:
        made = await given.client.completions.create(model="mode-2/generalist", prompt="How long?")
        assert made.choices[0].text
        stream = await given.client.completions.create(
            model="mode-2/generalist", prompt="How long?", stream=True
        )
        assert "".join([chunk.choices[0].text async for chunk in stream]) == made.choices[0].text
        endpoint = f"http://127.0.0.1:{given.service.port}"
        async with openai.AsyncAzureOpenAI(
            azure_endpoint=endpoint, api_key="any", api_version="2024-10-21", max_retries=0
        ) as client:
            azures = await client.completions.create(model="mode-2/generalist", prompt="How long?")
        assert azures.choices[0].text == made.choices[0].text


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": {"id": "a"}}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"suffix": "}"}, "suffix"),
        ({"echo": True}, "echo"),
        ({"logprobs": 3}, "logprobs"),
        ({"best_of": 2}, "best_of"),
        ({"n": 2}, "n"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
    ],
)
async def test_what_no_chat_can_answer_is_refused(
    gateway: OpenGateway, fields: dict[str, Any], field: str
) -> None:
    async with gateway() as given:
        for model in ("mine:m", "mode-2/generalist"):
            with pytest.raises(openai.BadRequestError) as refused:
                await given.client.completions.create(**{"model": model, "prompt": "a"} | fields)
            assert refused.value.param == field
        assert given.provider.requests == []


async def test_failures_are_openais_errors(gateway: OpenGateway) -> None:
    failing = Reply([b'{"error": {"message": "Busy."}}'], status=429, content_type="application/json")
    async with gateway(failing) as given:
        with pytest.raises(openai.RateLimitError):
            await given.client.completions.create(model="mine:m", prompt="a")
        with pytest.raises(openai.NotFoundError):
            await given.client.completions.create(model="absent", prompt="a")
