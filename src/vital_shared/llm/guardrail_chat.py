"""Chats with providers go through the guardrails: what is sent, and what returns."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from functools import partial
from typing import Any

from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.base import ModelEvent, ModelToolCall, ModelTurn
from vital_shared.llm.guardrail_streams import guarded_events, refusals_as_model_errors
from vital_shared.llm.wires.base import Chat, SystemTurn, ToolTurn, Turn, UserTurn

__all__ = ["guarded_chat"]

ChatStream = Callable[[Chat], AsyncGenerator[ModelEvent, None]]


def guarded_chat(stream: ChatStream, model: str, guardrails: Guardrails) -> ChatStream:
    """Return what sends a chat through the guardrails.

    :param stream: sends a chat to the provider.
    :param model: the full name, ``provider:model``.
    """
    sending = partial(_send, stream)
    return partial(_ask, sending, model, guardrails) if guardrails.is_active else sending


def _send(stream: ChatStream, chat: Chat) -> AsyncGenerator[ModelEvent, None]:
    """Send a chat as it is, and note it where it is stored."""
    if chat.content is not None:
        chat.content.prompt = chat
    return stream(chat)


async def _ask(
    stream: ChatStream, model: str, guardrails: Guardrails, chat: Chat
) -> AsyncGenerator[ModelEvent, None]:
    with refusals_as_model_errors(model):
        call = guardrails.call("model", model)
        texts = await guardrails.before(call, tuple(_texts(chat)))
        mask = guardrails.mask(call)
        if mask is not None:
            texts = guardrails.hide(mask, call, texts)
        if chat.content is not None:
            chat.content.mask = mask
        events = guarded_events(stream(_with_texts(chat, iter(texts))), guardrails, call, mask)
        async with aclosing(events):
            async for event in events:
                yield event


def _texts(chat: Chat) -> Iterator[str]:
    """Yield the texts of a chat; what a provider has written for itself (signatures) is no text."""
    yield chat.system
    for turn in chat.turns:
        if isinstance(turn, ToolTurn):
            yield from (output.text for output in turn.outputs)
        else:
            yield turn.text
        if isinstance(turn, ModelTurn):
            for call in turn.calls:
                yield from _texts_in(call.arguments)


def _with_texts(chat: Chat, texts: Iterator[str]) -> Chat:
    """Return the chat with other texts, in the order of `_texts`."""
    system = next(texts)
    return chat.model_copy(
        update={"system": system, "turns": tuple(_turn(turn, texts) for turn in chat.turns)}
    )


def _turn(turn: Turn, texts: Iterator[str]) -> Turn:
    if isinstance(turn, UserTurn | SystemTurn):
        return type(turn)(text=next(texts))
    if isinstance(turn, ToolTurn):
        outputs = tuple(each.model_copy(update={"text": next(texts)}) for each in turn.outputs)
        return ToolTurn(outputs=outputs)
    text = next(texts)
    return turn.model_copy(update={"text": text, "calls": tuple(_call(each, texts) for each in turn.calls)})


def _call(call: ModelToolCall, texts: Iterator[str]) -> ModelToolCall:
    return call.model_copy(update={"arguments": _replaced(call.arguments, texts)})


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(each)


def _replaced(value: Any, texts: Iterator[str]) -> Any:
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, dict):
        return {key: _replaced(each, texts) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_replaced(each, texts) for each in value)
    return value
