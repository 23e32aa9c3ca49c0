"""Azure OpenAI's paths, which name the model, asked by the official client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import openai
import orjson
import pytest
from tests.ai_engine.gateway.conftest import Gateway, OpenGateway
from tests.llm.wires.servers import openai as protocol
from tests.llm.wires.servers.base import Reply

HELLO = [{"role": "user", "content": "Hello?"}]

EMBEDDINGS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}],
    "model": "embedder",
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}


def azure(given: Gateway, **options: Any) -> openai.AsyncAzureOpenAI:
    return openai.AsyncAzureOpenAI(
        azure_endpoint=f"http://127.0.0.1:{given.service.port}",
        api_key=options.pop("api_key", "any"),
        api_version="2024-10-21",
        max_retries=0,
        **options,
    )


@pytest.fixture
async def given(gateway: OpenGateway) -> AsyncIterator[Gateway]:
    embedded = Reply([orjson.dumps(EMBEDDINGS)], content_type="application/json")
    async with gateway(protocol.stream(protocol.TEXT), embedded) as opened:
        yield opened


async def test_azures_client_asks_a_model_by_its_name(given: Gateway) -> None:
    async with azure(given) as client:
        stream = await client.chat.completions.create(model="mine:m", messages=HELLO, stream=True)
        text = [chunk.choices[0].delta.content or "" async for chunk in stream]
        made = await client.embeddings.create(model="mine:embedder", input="a", encoding_format="float")
    assert "".join(text) == protocol.SAID
    assert made.data[0].embedding == [0.25, -0.5]
    assert [each.body["model"] for each in given.provider.requests] == ["m", "embedder"]


async def test_the_deployment_of_the_path_counts(given: Gateway) -> None:
    async with azure(given, azure_deployment="mine:m") as client:
        async with await client.chat.completions.create(model="another", messages=HELLO, stream=True) as said:
            assert [chunk async for chunk in said]
        assert given.sent["model"] == "m"
        listed = await client.models.list()
    assert "mine:m" in {model.id for model in listed.data}


async def test_azures_client_asks_agents_and_workflows(given: Gateway) -> None:
    async with azure(given) as client:
        chat = await client.chat.completions.create(model="mode-2/generalist", messages=HELLO)
        answered = await client.responses.create(model="mode-2/generalist", input="Hello?")
    assert chat.choices[0].message.content
    assert answered.output_text


async def test_azures_newer_api_is_asked_by_openais_client(given: Gateway) -> None:
    base_url = f"http://127.0.0.1:{given.service.port}/openai/v1/"
    token = (await given.service.key("acme", "ask"))["Authorization"].removeprefix("Bearer ")
    async with openai.AsyncOpenAI(base_url=base_url, api_key=token, max_retries=0) as client:
        chat = await client.chat.completions.create(model="mode-2/generalist", messages=HELLO)
        answered = await client.responses.create(model="mode-2/generalist", input="Hello?")
        text = await client.completions.create(model="mode-2/generalist", prompt="Hello?")
        assert chat.choices[0].message.content == answered.output_text == text.choices[0].text
        assert (await client.models.retrieve("mode-2/generalist")).id == "mode-2/generalist"
        assert "mode-2/generalist" in {model.id async for model in client.models.list()}
        with pytest.raises(openai.NotFoundError, match="There is no"):
            await client.embeddings.create(model="absent", input="a")


async def test_a_key_of_a_tenant_is_one_for_azures_paths(given: Gateway) -> None:
    token = (await given.service.key("acme", "ask"))["Authorization"].removeprefix("Bearer ")
    async with azure(given, api_key=token) as client:
        chat = await client.chat.completions.create(model="mode-2/generalist", messages=HELLO)
        assert chat.choices[0].message.content
        with pytest.raises(openai.NotFoundError, match="There is no"):
            await client.chat.completions.create(model="absent", messages=HELLO)
    async with azure(given, api_key="false") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model="mode-2/generalist", messages=HELLO)


async def test_odd_deployments_are_refused_in_openais_form(given: Gateway) -> None:
    path = "/openai/deployments/{}/chat/completions"
    for name, status in (("a/../b", 404), ("%00", 404), ("x" * 3000, 404)):
        response = await given.service.client.post(path.format(name), json={"messages": HELLO})
        assert response.status_code == status, response.text
        assert response.json()["error"]["message"]
    response = await given.service.client.post(path.format("mine:m"), json=[1])
    assert response.status_code in (400, 422), response.text
    response = await given.service.client.get("/openai/deployments")
    assert response.status_code in (403, 404), response.text
