"""Answers of models that are passed on go through the guardrails, whole and streamed, in each protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ai_engine.gateway.conftest import OpenGateway
from tests.ai_engine.gateway.test_chat_completions import HELLO, whole
from tests.ai_engine.gateway.test_guardrails import with_guardrails
from tests.llm.wires.servers import openai as protocol

from ai_engine.gateway.anthropic_messages import MessagesExchange
from ai_engine.gateway.client_protocols import CHAT_PROTOCOL, MESSAGES_PROTOCOL, RESPONSES_PROTOCOL
from ai_engine.gateway.exchange import Exchange
from ai_engine.gateway.openai_chat import ChatExchange
from ai_engine.gateway.openai_responses import ResponsesExchange
from ai_engine.gateway.translated import ClientProtocol, TranslatedExchange
from vital_shared.guardrails.base import GuardedCall
from vital_shared.guardrails.configuration import GuardrailTable
from vital_shared.guardrails.masking import Mask
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.base import ModelHeldBack
from vital_shared.llm.guarded_answer import GuardedAnswer

EMAIL = "ann@example.org"
CALL = GuardedCall("model", "mine:m", "acme", "run_1")
MESSAGES = [{"role": "user", "content": "Hello?"}]
COUNTING: Any = {"count": len, "count_at_most": len}


def mask() -> tuple[Mask, str]:
    found = Mask("run_1", ("email",))
    (placeholder,) = found.hide([EMAIL])
    return found, placeholder


def dumped(event: Any) -> bytes:
    return json.dumps(event).encode()


def chat_events(pieces: Sequence[str]) -> list[bytes]:
    def chunk(delta: Any, finish: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return dumped(
            {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
        )

    said = [chunk({"role": "assistant", "content": ""}), *[chunk({"content": piece}) for piece in pieces]]
    return [*said, chunk({}, "stop"), b"[DONE]"]


def message_events(pieces: Sequence[str]) -> list[bytes]:
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {}}
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
        for piece in pieces
    ]
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *deltas,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]
    return [dumped(event) for event in events]


def response_events(pieces: Sequence[str]) -> list[bytes]:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "".join(pieces)}
    response = {"id": "r", "object": "response", "output": [{"type": "message", "content": [part]}]}
    events = [
        {"type": "response.created", "response": response | {"output": []}},
        *[{"type": "response.output_text.delta", **place, "delta": piece} for piece in pieces],
        {"type": "response.output_text.done", **place, "text": "".join(pieces)},
        {"type": "response.completed", "response": response},
    ]
    return [dumped(event) for event in events]


def gemini_events(pieces: Sequence[str]) -> list[bytes]:
    def chunk(text: str, **more: Any) -> bytes:
        return dumped({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, **more}]})

    return [*[chunk(piece) for piece in pieces[:-1]], chunk(pieces[-1], finishReason="STOP")]


def translated(client: ClientProtocol) -> Callable[[], Exchange]:
    fields = {"input": "Hello?"} if client is RESPONSES_PROTOCOL else {"messages": MESSAGES, "max_tokens": 99}

    return lambda: TranslatedExchange(client, {"model": "m", "stream": True, **fields}, **COUNTING)


def verbatim_chat() -> Exchange:
    return ChatExchange({"model": "m", "stream": True, "messages": MESSAGES}, **COUNTING)


def verbatim_message() -> Exchange:
    body = {"model": "m", "stream": True, "messages": MESSAGES, "max_tokens": 9}
    return MessagesExchange(body, **COUNTING)


def verbatim_response() -> Exchange:
    return ResponsesExchange({"model": "m", "stream": True, "input": "Hello?"}, **COUNTING)


WAYS: dict[str, tuple[Callable[[], Exchange], str, Callable[[Sequence[str]], list[bytes]]]] = {
    "chat": (verbatim_chat, "openai", chat_events),
    "messages": (verbatim_message, "anthropic", message_events),
    "responses": (verbatim_response, "responses", response_events),
    "responses of a chat provider": (translated(RESPONSES_PROTOCOL), "openai", chat_events),
    "responses of an Anthropic provider": (translated(RESPONSES_PROTOCOL), "anthropic", message_events),
    "chat of a Gemini provider": (translated(CHAT_PROTOCOL), "gemini", gemini_events),
    "messages of a chat provider": (translated(MESSAGES_PROTOCOL), "openai", chat_events),
}
EACH_WAY = pytest.mark.parametrize("way", list(WAYS))


async def streamed(way: str, pieces: Sequence[str], guardrails: Guardrails, hidden: Mask | None) -> str:
    """Return the text that the client of a stream reads."""
    opened, wire, events = WAYS[way]
    exchange = opened()
    exchange.request(wire, "m", None)
    answer = GuardedAnswer(guardrails, CALL, hidden, wire, exchange.take)
    for data in events(pieces):
        answer.take(data)
        await answer.judge()
    await answer.end()
    exchange.end()
    exchange.channel.close()
    return "".join(map(_text, (await exchange.channel.frames()).decode().split("\n\n")))


def _text(frame: str) -> str:
    data = frame.partition("data: ")[2]
    if not data or data == "[DONE]":
        return ""
    event = json.loads(data)
    if "choices" in event:
        return "".join(choice["delta"].get("content") or "" for choice in event["choices"])
    if event.get("type") == "content_block_delta":
        return event["delta"].get("text", "")
    return event["delta"] if event.get("type") == "response.output_text.delta" else ""


def split(text: str, cuts: Sequence[int]) -> list[str]:
    ends = [0, *sorted(set(cuts)), len(text)]
    return [text[start:end] for start, end in pairwise(ends) if end > start]


@EACH_WAY
def test_a_placeholder_that_is_split_anywhere_is_put_back(way: str) -> None:
    hidden, placeholder = mask()
    guardrails = Guardrails(GuardrailTable(mask=("email",)))
    text = f"a<b, {placeholder}!"

    @given(st.lists(st.integers(1, len(text) - 1), max_size=len(text)))
    @settings(deadline=None, max_examples=60)
    def check(cuts: list[int]) -> None:
        assert asyncio.run(streamed(way, split(text, cuts), guardrails, hidden)) == f"a<b, {EMAIL}!"

    check()
    for cut in range(1, len(text)):
        assert asyncio.run(streamed(way, split(text, [cut]), guardrails, hidden)) == f"a<b, {EMAIL}!"


@EACH_WAY
def test_what_is_denied_is_never_shown_wherever_it_is_split(way: str) -> None:
    hidden, placeholder = mask()
    guardrails = Guardrails(GuardrailTable(mask=("email",), deny_output=("the secret word",)))
    text = f"{'x' * 600} {placeholder} the secret word and more"

    async def shown(cuts: list[int]) -> None:
        with pytest.raises(ModelHeldBack):
            await streamed(way, split(text, cuts), guardrails, hidden)

    @given(st.lists(st.integers(1, len(text) - 1), max_size=9))
    @settings(deadline=None, max_examples=30)
    def check(cuts: list[int]) -> None:
        asyncio.run(shown(cuts))

    check()


@EACH_WAY
def test_what_is_allowed_comes_whole_however_it_is_split(way: str) -> None:
    hidden, placeholder = mask()
    guardrails = Guardrails(GuardrailTable(mask=("email",), deny_output=("the secret word",)))
    text = f"{'x' * 600} {placeholder} {'y' * 600}"

    @given(st.lists(st.integers(1, len(text) - 1), max_size=9))
    @settings(deadline=None, max_examples=30)
    def check(cuts: list[int]) -> None:
        said = asyncio.run(streamed(way, split(text, cuts), guardrails, hidden))
        assert said == text.replace(placeholder, EMAIL)

    check()


@pytest.mark.parametrize(
    ("wire", "event"),
    [
        ("openai", b"not JSON"),
        ("openai", b"[1, 2]"),
        ("openai", dumped({"choices": [{"delta": {"audio": {"data": "aGk="}}}]})),
        ("openai", dumped({"choices": [{"delta": {"content": [{"type": "text", "text": "no"}]}}]})),
        ("anthropic", dumped({"type": "a_new_kind", "text": "no"})),
        (
            "anthropic",
            dumped({"type": "content_block_delta", "index": 0, "delta": {"type": "new", "x": "no"}}),
        ),
        ("gemini", dumped({"candidates": [{"content": {"parts": [{"inlineData": {"data": "no"}}]}}]})),
        ("a wire that is not known", dumped({"text": "no"})),
    ],
)
async def test_what_cannot_be_read_is_refused(wire: str, event: bytes) -> None:
    passed: list[bytes] = []
    guardrails = Guardrails(GuardrailTable(deny_output=("no",)))
    answer = GuardedAnswer(guardrails, CALL, None, wire, passed.append)
    answer.take(event)
    with pytest.raises(ModelHeldBack):
        await answer.judge()
    assert passed == []


async def test_fields_that_nobody_has_judged_are_taken_away() -> None:
    passed: list[bytes] = []
    guardrails = Guardrails(GuardrailTable(deny_output=("no",)))
    answer = GuardedAnswer(guardrails, CALL, None, "openai", passed.append)
    choice = {"index": 0, "delta": {"content": "", "new": "no"}, "logprobs": {"content": [{"token": "no"}]}}
    answer.take(dumped({"id": "c", "choices": [choice], "extra": "no"}))
    await answer.judge()
    assert [json.loads(data) for data in passed] == [
        {"id": "c", "choices": [{"index": 0, "delta": {"content": ""}}]}
    ]


async def test_a_match_over_two_parts_of_one_text_is_found() -> None:
    guardrails = Guardrails(GuardrailTable(deny_output=("the secret",)))
    answer = GuardedAnswer(guardrails, CALL, None, "openai", [].append)
    for delta in ({"content": "the se"}, {"reasoning_content": "hm"}, {"content": "cret"}):
        answer.take(dumped({"choices": [{"index": 0, "delta": delta}]}))
    answer.take(b"[DONE]")
    with pytest.raises(ModelHeldBack):
        await answer.judge()


@pytest.mark.parametrize("rule", ["deny_output = ['42']", "max_output_characters = 9"])
async def test_a_refused_answer_is_not_shown_and_paid_for(
    gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    with_guardrails(monkeypatch, rule)
    async with gateway(whole(), protocol.stream(protocol.TEXT)) as opened:
        with pytest.raises(openai.APIStatusError) as raised:
            await opened.client.chat.completions.create(model="mine:m", messages=HELLO)
        assert "42 days" not in str(raised.value)

        async def read() -> None:
            asked = {"model": "mine:m", "messages": HELLO, "stream": True}
            _ = [chunk async for chunk in await opened.client.chat.completions.create(**asked)]

        with pytest.raises(openai.APIError) as broken:
            await read()
        assert protocol.SAID not in str(broken.value)
        charges = await opened.charges()
        assert [charge[-1] for charge in charges] == ["failed", "failed"]
        assert all(charge[5] > 0 for charge in charges)


async def test_an_allowed_answer_comes_as_without_guardrails(
    gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_guardrails(monkeypatch, "deny_output = ['nothing of this']")
    async with gateway(whole(), protocol.stream(protocol.TEXT)) as opened:
        answer = await opened.client.chat.completions.create(model="mine:m", messages=HELLO)
        assert answer.choices[0].message.content == "It takes 42 days."
        stream = await opened.client.chat.completions.create(model="mine:m", messages=HELLO, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
        assert text == protocol.SAID
