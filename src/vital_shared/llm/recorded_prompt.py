"""The words of a call as they are stored: of bounded length, and masked where what was sent is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from vital_shared.llm.base import ModelRequest, ModelToolCall, ModelTurn
from vital_shared.llm.call_content import CallContent
from vital_shared.llm.tool_arguments import arguments_text
from vital_shared.llm.wires.base import Chat, SystemTurn, ToolTurn, Turn
from vital_shared.models.model_call import ModelCall
from vital_shared.models.recorded_call import PromptMessage, RecordedCall, RequestedTool

__all__ = ["MAX_ANSWER_CHARACTERS", "MAX_PROMPT_CHARACTERS", "recorded_call"]

MAX_PROMPT_CHARACTERS: Final = 100_000
"""Characters of a prompt that are stored at most; the newest messages go first."""

MAX_ANSWER_CHARACTERS: Final = 100_000

MAX_TOOLS: Final = 10
"""Requested calls of tools that are stored at most."""

MAX_ARGUMENTS_CHARACTERS: Final = 10_000

MAX_PART_CHARACTERS: Final = 300
"""Characters of the JSON of a part that is no text, such as a picture."""

MAX_MESSAGES: Final = 500
"""Messages of a prompt that are stored at most."""

INSTRUCTIONS: Final = ("system", "systemInstruction", "system_instruction", "instructions")
"""Fields of providers' requests that hold instructions."""

MESSAGES: Final = ("messages", "contents", "input", "requests")
"""Fields of providers' requests that hold a conversation, or the texts to embed."""

PARTS: Final = ("content", "parts", "tool_calls", "function_call")
"""Fields of a message that hold what it says."""

RoleAndText = tuple[str, str]


def recorded_call(
    item: str,
    call: ModelCall,
    content: CallContent,
    texts: Sequence[str],
    requested: Sequence[ModelToolCall],
) -> RecordedCall:
    """Return a call with its words.

    :param item: the name of its charge.
    :param texts: the pieces of its answer, as they were passed on.
    :param requested: the tools that the model has asked for.
    """
    judged = content.judged_answer
    written = judged or content.choices
    text = "".join(texts) if written is None else written()
    tools = [] if judged is not None else [(each.name, arguments_text(each.arguments)) for each in requested]
    if content.mask is not None:
        text, *arguments = content.mask.hide_again((text, *(argument for _, argument in tools)))
        tools = [(name, argument) for (name, _), argument in zip(tools, arguments, strict=True)]
    shortener = Shortener()
    messages = _bounded(list(_messages(content.prompt, shortener)), shortener)
    answer = shortener.cut(text, MAX_ANSWER_CHARACTERS)
    made = tuple(
        RequestedTool(name=name, arguments=shortener.cut(written, MAX_ARGUMENTS_CHARACTERS))
        for name, written in tools[:MAX_TOOLS]
    )
    return RecordedCall.model_construct(  # all of it was checked, or is text
        **dict(call),
        item=item,
        messages=messages,
        answer=answer,
        requested_tools=made,
        is_cut=shortener.has_cut or len(tools) > MAX_TOOLS,
    )


class Shortener:
    """Cuts texts, and knows whether it has."""

    def __init__(self) -> None:
        self.has_cut = False

    def cut(self, text: str, length: int) -> str:
        """Return a text of at most a length, and in words that more of it is not there."""
        if len(text) <= length:
            return text
        self.has_cut = True
        return f"{text[:length]}\n[… {len(text) - length:,} more characters are not stored]"


def _bounded(given: Sequence[RoleAndText], shortener: Shortener) -> tuple[PromptMessage, ...]:
    """Return messages of bounded length, the newest in full where they fit."""
    left, kept = MAX_PROMPT_CHARACTERS, []
    shortener.has_cut = shortener.has_cut or len(given) > MAX_MESSAGES
    for role, text in reversed(given[-MAX_MESSAGES:]):
        kept.append(PromptMessage(role=role, content=shortener.cut(text, left)))
        left = max(0, left - len(text))
    return tuple(reversed(kept))


def _messages(prompt: object, shortener: Shortener) -> Iterator[RoleAndText]:
    if isinstance(prompt, Chat):
        if prompt.system:
            yield "system", prompt.system
        for turn in prompt.turns:
            yield from _turn(turn)
    elif isinstance(prompt, ModelRequest):
        yield from _request(prompt)
    elif isinstance(prompt, Mapping):
        yield from _body(prompt, shortener)


def _turn(turn: Turn) -> Iterator[RoleAndText]:
    if isinstance(turn, ToolTurn):
        yield from (("tool", output.text) for output in turn.outputs)
    elif isinstance(turn, ModelTurn):
        calls = (f"{call.name}({arguments_text(call.arguments)})" for call in turn.calls)
        yield "assistant", "\n".join(filter(None, (turn.text, *calls)))
    else:
        yield "system" if isinstance(turn, SystemTurn) else "user", turn.text


def _request(request: ModelRequest) -> Iterator[RoleAndText]:
    """Yield what a model of this process gets: it has no prompt but this."""
    if request.instructions:
        yield "system", request.instructions
    yield from (("source", passage.text) for passage in request.sources)
    yield from ((each.role, each.content) for each in request.history)
    yield from ((each.role, each.content) for each in request.messages)
    if request.question:
        yield "user", request.question
    yield from ((each.role, each.content) for each in request.corrections)


def _body(body: Mapping[str, Any], shortener: Shortener) -> Iterator[RoleAndText]:
    """Yield the messages of a request in a provider's own protocol."""
    for name in INSTRUCTIONS:
        if body.get(name):
            yield "system", _text(body[name], shortener)
    for name in MESSAGES:
        given = body.get(name)
        for each in given if isinstance(given, list) else [] if given is None else [given]:
            yield _message(each, shortener)


def _message(message: Any, shortener: Shortener) -> RoleAndText:
    if not isinstance(message, Mapping):
        return "user", _text(message, shortener)
    parts = (message[name] for name in PARTS if message.get(name))
    role = message.get("role")
    text = "\n".join(_text(part, shortener) for part in parts)
    return role if isinstance(role, str) else "user", text


def _text(value: Any, shortener: Shortener) -> str:
    """Return the text of a content, whose parts that are none are shortened."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(_text(each, shortener) for each in value)
    if isinstance(value, Mapping):
        if isinstance(text := value.get("text"), str):
            return text
        for name in ("parts", "content"):
            if isinstance(value.get(name), str | list):
                return _text(value[name], shortener)
    return shortener.cut(orjson.dumps(value, default=repr).decode(), MAX_PART_CHARACTERS)
