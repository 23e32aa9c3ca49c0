"""Models that nobody has: each client learns it in its own form, and nobody is asked."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import errors
from tests.ai_engine.gateway.between_protocols.any_provider import (
    ERRORS,
    HELLO,
    PROVIDERS,
    OpenGateway,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class AiohttpClientSession from ClientSession is discouraged:DeprecationWarning"
)

TOO_LONG = f"theirs:{'x' * 194}"
INVENTED = [
    *("p:x", "nonsense", "p/x", "theirs:", ":m", "theirs:../..", "tunedModels/x", "mode-2/none", " "),
    TOO_LONG,
]
CONTENTS = {"contents": [{"parts": [{"text": "Hello?"}]}]}


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent?alt=sse", "embedContent"])
async def test_contents_for_a_model_that_nobody_has(gateway: OpenGateway, method: str) -> None:
    body: Any = {"content": CONTENTS["contents"][0]} if method == "embedContent" else CONTENTS
    async with gateway("gemini", ERRORS["gemini"](500)) as given:
        for name in INVENTED:
            path = name.replace("..", "%2E%2E").replace(" ", "%20")
            for version in ("v1", "v1beta"):
                answer = await given.service.client.post(f"/{version}/models/{path}:{method}", json=body)
                error = answer.json()["error"]
                assert (answer.status_code, error["code"], error["status"]) == (404, 404, "NOT_FOUND"), name
                assert error["message"]
        assert given.provider.requests == []


async def test_googles_client_raises_its_own_error(gateway: OpenGateway) -> None:
    async with gateway("gemini", ERRORS["gemini"](500)) as given:
        with pytest.raises(errors.ClientError) as raised:
            await given.google.aio.models.generate_content(model="p:x", contents="Hello?")
        assert (raised.value.code, raised.value.status) == (404, "NOT_FOUND")
        assert given.provider.requests == []


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"])
async def test_others_ask_for_a_model_that_nobody_has(gateway: OpenGateway, path: str) -> None:
    body = {"messages": HELLO, "max_tokens": 5} if path in ("/v1/chat/completions", "/v1/messages") else {}
    async with gateway("openai", ERRORS["openai"](500)) as given:
        for name in INVENTED:
            asked = {"model": name, "input": "Hello?"} if not body else {"model": name} | body
            answer = await given.service.client.post(path, json=asked)
            assert answer.status_code == 404, (name, answer.text)
            error = answer.json()["error"]
            assert (error.get("code") or error["type"]) in ("model_not_found", "not_found_error"), error
        assert given.provider.requests == []


@pytest.mark.parametrize("wire", PROVIDERS)
async def test_a_model_that_its_provider_does_not_know(gateway: OpenGateway, wire: Any) -> None:
    async with gateway(wire, ERRORS[wire](404)) as given:
        answer = await given.service.client.post("/v1beta/models/theirs:x:generateContent", json=CONTENTS)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, 404)
        assert len(given.provider.requests) == 1


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("gpt-4o", "OPENAI_API_KEY"),
        ("claude-sonnet-4-5", "ANTHROPIC_API_KEY"),
        ("gemini-2.5-pro", "GEMINI_API_KEY"),
    ],
)
async def test_a_model_whose_provider_has_no_key_names_it(
    gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch, name: str, key: str
) -> None:
    monkeypatch.delenv(key, raising=False)
    async with gateway("openai", ERRORS["openai"](500)) as given:
        body = {"model": name, "messages": HELLO}
        answer = await given.service.client.post("/v1/chat/completions", json=body)
        assert answer.status_code == 404
        assert f"set {key} in the environment" in answer.json()["error"]["message"]
        assert given.provider.requests == []
