"""Calls that are passed on go through the guardrails."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from tests.ai_engine.gateway import conftest
from tests.ai_engine.gateway.conftest import OpenGateway
from tests.ai_engine.gateway.test_chat_completions import whole

from vital_shared.guardrails.configuration import GuardrailTable
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.guardrail_relay import guarded_relay
from vital_shared.llm.wires.relay import RelayedRequest

EMAIL = "ann@example.org"
ASKED = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": f"Who is {EMAIL}?"}]},
]


def with_guardrails(monkeypatch: pytest.MonkeyPatch, toml: str) -> None:
    monkeypatch.setattr(conftest, "CONFIGURATION", f"{conftest.CONFIGURATION}\n[guardrails]\n{toml}\n")


async def test_a_provider_gets_no_personal_data(
    gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_guardrails(monkeypatch, 'mask = ["email"]')
    async with gateway(whole()) as given:
        await given.client.chat.completions.create(model="mine:m", messages=ASKED, user="ann")
        assert EMAIL not in json.dumps(given.sent)
        assert "<EMAIL_" in given.sent["messages"][1]["content"][0]["text"]
        assert given.sent["messages"][0] == ASKED[0]


async def test_what_is_denied_reaches_no_provider(
    gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_guardrails(monkeypatch, "deny_input = ['Who is']")
    async with gateway(whole()) as given:
        with pytest.raises(openai.APIStatusError):
            await given.client.chat.completions.create(model="mine:m", messages=ASKED)
        assert given.provider.requests == []


async def test_a_masked_text_is_put_back_into_the_events() -> None:
    taken: list[bytes] = []
    guardrails = Guardrails(GuardrailTable(mask=("email",)))
    request = RelayedRequest({"model": "m", "messages": ASKED}, is_streamed=True)
    sent, answer = await guarded_relay(guardrails, "mine:m", "openai", request, taken.append)
    assert answer is not None
    take = answer.take
    masked = sent.body["messages"][1]["content"][0]["text"]
    take(json.dumps({"choices": [{"delta": {"content": masked}}]}).encode())
    take(b"\xff is no text")
    assert EMAIL in taken[0].decode()
    assert taken[1] == b"\xff is no text"


HIDDEN: dict[str, tuple[str, Any]] = {
    "a document of plain text": (
        "anthropic",
        [
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": f"Ask {EMAIL}."},
            }
        ],
    ),
    "arguments of Anthropic's": (
        "anthropic",
        [{"type": "tool_use", "id": "t", "name": "look", "input": {"name": EMAIL, "data": [{"url": EMAIL}]}}],
    ),
    "arguments of Gemini's": (
        "gemini",
        [{"functionCall": {"name": "look", "args": {"id": EMAIL, "type": {"model": EMAIL}}}}],
    ),
    "a result of Gemini's": (
        "gemini",
        [{"functionResponse": {"name": "look", "response": {"data": [{"name": EMAIL}]}}}],
    ),
    "labels of OpenAI's": ("openai", {"role": "user", "content": "Hello?", "metadata": {"id": EMAIL}}),
}


@pytest.mark.parametrize("name", HIDDEN)
async def test_personal_data_is_masked_whatever_the_client_calls_it(name: str) -> None:
    protocol, content = HIDDEN[name]
    guardrails = Guardrails(GuardrailTable(mask=("email",)))
    request = RelayedRequest({"model": "m", "content": content}, is_streamed=True)
    sent, answer = await guarded_relay(guardrails, "mine:m", protocol, request, lambda _: None)
    assert answer is not None
    assert EMAIL not in json.dumps(sent.body)
    assert json.loads(json.dumps(sent.body).replace(_placeholder(sent.body), EMAIL)) == request.body


def _placeholder(body: Any) -> str:
    text = json.dumps(body)
    return text[text.index("<EMAIL_") : text.index(">") + 1]


@pytest.mark.parametrize("toml", ['mask = ["email"]', "deny_input = ['x']", "max_input_characters = 99"])
async def test_tokens_that_no_guardrail_can_read_are_not_embedded(
    gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch, toml: str
) -> None:
    with_guardrails(monkeypatch, toml)
    async with gateway(whole()) as given:
        for tokens in ([1, 2], [[1, 2], [3]]):
            with pytest.raises(openai.BadRequestError, match="send input as text"):
                await given.client.embeddings.create(model="mine:embedder", input=tokens)
        assert given.provider.requests == []
