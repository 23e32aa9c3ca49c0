"""The texts within the events of providers' answers, which guardrails read and replace.

What a guardrail cannot read is not passed on (``is_strict``): fields that are not known here are taken away,
and events of unknown kinds are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

__all__ = ["READERS", "AnswerTexts", "Key", "TextSlot", "UnreadableAnswer"]

Json: TypeAlias = dict[str, Any]

Key: TypeAlias = tuple[Any, ...]

CHAT_FIELDS: Final = (
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
    "service_tier",
    "system_fingerprint",
    "error",
)
HEAD_FIELDS: Final = ("id", "object", "created", "model")
CHAT_TEXTS: Final = ("reasoning_content", "reasoning", "content", "refusal")
SOUND: Final = "audio"
CALLS: Final = ("tool_calls", "function_call")
CHOICE_FIELDS: Final = ("index", "finish_reason", "delta", "message")
GEMINI_FIELDS: Final = (
    "candidates",
    "usageMetadata",
    "modelVersion",
    "responseId",
    "promptFeedback",
    "error",
)
CANDIDATE_FIELDS: Final = ("index", "content", "finishReason")
SILENT_EVENTS: Final = frozenset({"message_delta", "message_stop", "ping", "error"})
"""Anthropic's events without texts of the model's."""

RESPONSE_PLACE: Final = ("item_id", "output_index", "content_index", "summary_index")
"""Fields of OpenAI's Responses API that name the text to which an event belongs."""

RESPONSE_NAMES: Final = frozenset({"type", "sequence_number", "response", *RESPONSE_PLACE})

DELTA_TEXTS: Final[Mapping[str, str]] = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
}
"""Field of the text in each of Anthropic's deltas."""

BLOCK_TEXTS: Final[Mapping[str, str]] = {"text": "text", "thinking": "thinking"}

OPAQUE_FIELDS: Final = frozenset({"type", "id", "name", "tool_use_id", "signature", "data"})
"""Fields of Anthropic's blocks that hold no readable text; ``data`` is that of an encrypted thought."""


class UnreadableAnswer(Exception):
    """An event that nobody here can read."""


class TextSlot(NamedTuple):
    """A place in an event that holds the next piece of a text."""

    key: Key
    """The text, within its answer: its group, then its name."""
    holder: Json
    name: str
    template: Callable[[str], Json]
    """Writer of an event that holds a further piece."""


class AnswerTexts(NamedTuple):
    """The texts of one event."""

    event: Json
    """The event as it is passed on, with the slots within it."""
    slots: list[TextSlot]
    wholes: list[tuple[Json, str]]
    """Values that come whole: the holder, and the name of the field."""
    ended: set[Any]
    """Groups of texts to which nothing more comes."""


def _kept(value: Json, names: tuple[str, ...], *, is_strict: bool) -> Json:
    return {name: each for name, each in value.items() if name in names} if is_strict else value


def _objects(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _index(value: Json) -> int:
    index = value.get("index")
    return index if isinstance(index, int) else 0


def read_chat(event: Json, *, is_strict: bool) -> AnswerTexts:
    """Read a chunk of a chat completion, or a whole one.

    :raises UnreadableAnswer: when `is_strict`, and it holds what is no text.
    """
    found = AnswerTexts(_kept(event, CHAT_FIELDS, is_strict=is_strict), [], [], set())
    if "choices" in found.event and is_strict:
        choices = _objects(found.event["choices"])
        found.event["choices"] = [_kept(choice, CHOICE_FIELDS, is_strict=True) for choice in choices]
    head: Json = {name: event[name] for name in HEAD_FIELDS if name in event}
    for choice in _objects(found.event.get("choices")):
        index = _index(choice)
        for name in ("delta", "message"):
            if isinstance(choice.get(name), dict):
                if is_strict:
                    choice[name] = _strict_message(choice[name])
                _chat_slots(found, choice[name], index, head)
        if choice.get("finish_reason") is not None or "message" in choice:
            found.ended.add(index)
    return found


def _strict_message(message: Json) -> Json:
    if message.get(SOUND):
        raise UnreadableAnswer(SOUND)
    if any(not isinstance(message.get(name), str | None) for name in CHAT_TEXTS):
        raise UnreadableAnswer("content")
    return _kept(message, ("role", *CHAT_TEXTS, *CALLS), is_strict=True)


def _chat_slots(found: AnswerTexts, message: Json, index: int, head: Json) -> None:
    def chunk(delta: Json) -> Json:
        return {**head, "choices": [{"index": index, "delta": delta, "finish_reason": None}]}

    def slot(name: str) -> TextSlot:
        return TextSlot((index, name), message, name, lambda text: chunk({name: text}))

    def call_slot(position: int, function: Json) -> TextSlot:
        def more(text: str) -> Json:
            return chunk({"tool_calls": [{"index": position, "function": {"arguments": text}}]})

        return TextSlot((index, "tool_calls", position), function, "arguments", more)

    found.slots.extend(
        slot(name) for name in CHAT_TEXTS if message.get(name) and isinstance(message[name], str)
    )
    for number, call in enumerate(_objects(message.get("tool_calls"))):
        function = call.get("function") or call.get("custom")
        position = call["index"] if isinstance(call.get("index"), int) else number
        if isinstance(function, dict) and isinstance(function.get("arguments"), str):
            found.slots.append(call_slot(position, function))
        elif isinstance(function, dict) and "input" in function:
            found.wholes.append((function, "input"))
    older = message.get("function_call")
    if isinstance(older, dict) and isinstance(older.get("arguments"), str):
        found.slots.append(
            TextSlot(
                (index, "function_call"),
                older,
                "arguments",
                lambda text: chunk({"function_call": {"arguments": text}}),
            )
        )


def read_message(event: Json, *, is_strict: bool) -> AnswerTexts:
    """Read an event of Anthropic's, or a whole message.

    :raises UnreadableAnswer: when `is_strict`, and its kind is not known.
    """
    found = AnswerTexts(event, [], [], set())
    kind, index = _kind(event), _index(event)
    if kind == "message":
        for number, block in enumerate(_objects(event.get("content"))):
            _block(found, block, number)
            found.ended.add(number)
    elif kind == "message_start":
        begun = event.get("message")
        if is_strict and isinstance(begun, dict) and begun.get("content"):
            raise UnreadableAnswer("content")
    elif kind == "content_block_start":
        opened = event.get("content_block")
        if isinstance(opened, dict):
            _block(found, opened, index)
    elif kind == "content_block_delta":
        _delta(found, event.get("delta"), index, is_strict=is_strict)
    elif kind == "content_block_stop":
        found.ended.add(index)
    elif is_strict and kind not in SILENT_EVENTS:
        raise UnreadableAnswer(kind)
    return found


def _kind(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def _block(found: AnswerTexts, block: Json, index: int) -> None:
    name = BLOCK_TEXTS.get(_kind(block), "")
    if name and block.get(name):
        found.slots.append(_delta_slot(block, index, f"{name}_delta", name))
    found.wholes.extend((block, each) for each in block if each != name and each not in OPAQUE_FIELDS)


def _delta(found: AnswerTexts, delta: Any, index: int, *, is_strict: bool) -> None:
    kind = _kind(delta)
    if kind in DELTA_TEXTS:
        found.slots.append(_delta_slot(delta, index, kind, DELTA_TEXTS[kind]))
    elif kind == "signature_delta":
        found.ended.add(index)  # of a thought, which stands before it
    elif kind == "citations_delta":
        found.wholes.append((delta, "citation"))
    elif is_strict:
        raise UnreadableAnswer(kind)


def _delta_slot(holder: Json, index: int, kind: str, name: str) -> TextSlot:
    def more(text: str) -> Json:
        return {"type": "content_block_delta", "index": index, "delta": {"type": kind, name: text}}

    return TextSlot((index, name), holder, name, more)


def read_candidates(event: Json, *, is_strict: bool) -> AnswerTexts:
    """Read a chunk of Gemini's.

    :raises UnreadableAnswer: when `is_strict`, and it holds what is no text.
    """
    found = AnswerTexts(_kept(event, GEMINI_FIELDS, is_strict=is_strict), [], [], set())
    if "candidates" in found.event and is_strict:
        candidates = _objects(found.event["candidates"])
        found.event["candidates"] = [_kept(each, CANDIDATE_FIELDS, is_strict=True) for each in candidates]
    for candidate in _objects(found.event.get("candidates")):
        index, content = _index(candidate), candidate.get("content")
        for part in _objects(content.get("parts")) if isinstance(content, dict) else ():
            _part(found, part, index, is_strict=is_strict)
        if candidate.get("finishReason"):
            found.ended.add(index)
    return found


def _part(found: AnswerTexts, part: Json, index: int, *, is_strict: bool) -> None:
    if isinstance(part.get("text"), str):
        is_thought = part.get("thought") is True
        head: Json = {"thought": True} if is_thought else {}

        def more(text: str) -> Json:
            content = {"role": "model", "parts": [{**head, "text": text}]}
            return {"candidates": [{"index": index, "content": content}]}

        found.slots.append(TextSlot((index, "thought" if is_thought else "text"), part, "text", more))
    elif isinstance(part.get("functionCall"), dict):
        found.wholes.append((part["functionCall"], "args"))
    elif is_strict and part.keys() - {"thoughtSignature", "thought"}:
        raise UnreadableAnswer("parts")


def read_response(event: Json, *, is_strict: bool) -> AnswerTexts:
    """Read an event of OpenAI's Responses API, or a whole response.

    :raises UnreadableAnswer: when `is_strict`, and it holds what is no text.
    """
    found = AnswerTexts(event, [], [], set())
    if event.get("object") == "response":
        found.wholes.append((event, "output"))
        return found
    kind, delta = _kind(event), event.get("delta")
    if is_strict and (not kind or SOUND in kind or "partial_image" in kind):
        raise UnreadableAnswer(kind)
    group = tuple(event.get(name) for name in RESPONSE_PLACE)
    if isinstance(delta, str):
        head = {
            name: each for name, each in event.items() if name not in ("delta", "obfuscation", "logprobs")
        }
        text_name = "reasoning" if "reasoning" in kind else "text"
        found.slots.append(TextSlot((group, text_name), event, "delta", lambda text: {**head, "delta": text}))
        for name in ("obfuscation", "logprobs") if is_strict else ():
            event.pop(name, None)  # which repeat the text
        return found
    if kind.endswith(".done"):
        found.ended.add(group)
    found.wholes.extend((event, name) for name in event if name not in RESPONSE_NAMES)
    response = event.get("response")
    if isinstance(response, dict):
        found.wholes.append((response, "output"))
    return found


READERS: Final[Mapping[str, Callable[..., AnswerTexts]]] = {
    "openai": read_chat,
    "azure": read_chat,
    "anthropic": read_message,
    "gemini": read_candidates,
    "responses": read_response,
}
"""The reader of each wire's answers."""
