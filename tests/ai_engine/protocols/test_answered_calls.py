"""Outputs of tools stand right behind their calls, wherever a request has them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ai_engine.protocols.canonical_strategies import conversations

from ai_engine.protocols.anthropic.message_body import message_body
from ai_engine.protocols.canonical.answered_calls import with_outputs_behind_calls
from ai_engine.protocols.canonical.carrying import carried
from ai_engine.protocols.canonical.messages import CallPart, CanonicalMessage, OutputPart, TextPart
from ai_engine.protocols.openai.chat_body import chat_body
from ai_engine.protocols.responses.response_request_reader import read_response_request


def called(call_id: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "look", "arguments": "{}"}


def answered(call_id: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": f"of {call_id}"}


HELLO = {"role": "user", "content": "Hello?"}
TYPED = {"role": "user", "content": "Hurry!"}

CONVERSATIONS: dict[str, list[dict[str, Any]]] = {
    "between two outputs": [HELLO, called("a"), called("b"), answered("a"), TYPED, answered("b")],
    "between a call and its output": [HELLO, called("a"), called("b"), TYPED, answered("a"), answered("b")],
    "before all outputs, apart": [
        HELLO,
        called("a"),
        called("b"),
        TYPED,
        answered("a"),
        TYPED,
        answered("b"),
    ],
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_what_the_user_has_typed_meanwhile_follows_the_outputs(name: str) -> None:
    request = read_response_request({"model": "m", "input": CONVERSATIONS[name]})
    typed = CONVERSATIONS[name].count(TYPED)
    chat = chat_body(carried(request, "openai"), "m")["messages"]
    assert [each["role"] for each in chat] == ["user", "assistant", "tool", "tool", *["user"] * typed]
    assert [each["content"] for each in chat[2:]] == ["of a", "of b", *["Hurry!"] * typed]
    messages = message_body(carried(request, "anthropic"), "m")["messages"]
    assert [each["role"] for each in messages] == ["user", "assistant", *["user"] * (1 + typed)]
    assert [each.get("tool_use_id", "") for each in messages[2]["content"]] == ["a", "b"]


@given(conversations())
def test_a_conversation_in_order_stays_as_it_is(messages: tuple[CanonicalMessage, ...]) -> None:
    assert with_outputs_behind_calls(messages) == messages


@given(conversations(), st.randoms())
def test_nothing_of_a_conversation_is_lost(messages: tuple[CanonicalMessage, ...], random: Any) -> None:
    mixed = list(messages)
    random.shuffle(mixed)
    ordered = with_outputs_behind_calls(mixed)

    def parts(of: Any) -> list[str]:
        return sorted(repr(part) for message in of for part in message.parts)

    assert parts(ordered) == parts(mixed)


def test_an_id_that_is_used_again_has_the_output_of_its_own_turn() -> None:
    def turn(text: str) -> tuple[CanonicalMessage, ...]:
        call = CanonicalMessage("assistant", (CallPart("call_0", "look", {}),))
        typed = CanonicalMessage("user", (TextPart("Hurry!"),))
        return call, typed, CanonicalMessage("user", (OutputPart("call_0", (TextPart(text),)),))

    ordered = with_outputs_behind_calls((*turn("first")[:2], *turn("second")))
    outputs = [part for message in ordered for part in message.parts if isinstance(part, OutputPart)]
    assert [part.parts for part in outputs] == [(TextPart("second"),)]
    assert [message.role for message in ordered if message.parts] == [
        *("assistant", "user", "assistant", "user", "user")
    ]
