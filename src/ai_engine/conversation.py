"""Conversations as chat clients send them, in OpenAI's and in AG-UI's form: the question and what was before.

A part that cannot be read (an image, audio, a file) is refused in the question, since an answer that ignores
it would be wrong; in earlier messages it is left out, since the client sends them with every request from
then on and the conversation would be stuck for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from vital_shared.errors import InvalidRequest
from vital_shared.models.message import Message
from vital_shared.models.workflow_io import MAX_QUERY_CHARACTERS

__all__ = ["MAX_MESSAGES", "ChatMessage", "Conversation", "read_conversation"]

MAX_MESSAGES: Final = 10_000
MAX_EARLIER_MESSAGES: Final = 1_000
"""The newest of the earlier messages that a request may hold; see `WorkflowInput`."""

MAX_EARLIER_CHARACTERS: Final = 1_000_000

SPEAKERS: Final[Mapping[str, Literal["user", "assistant"]]] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "model": "assistant",
}
SILENT: Final = frozenset({"system", "developer", "tool", "function", "activity", "reasoning"})
"""Roles whose messages are left out: an agent has its own instructions and tools."""

TEXT_TYPES: Final = ("text", "input_text", "output_text")
SILENT_TYPES: Final = frozenset(
    {"thinking", "redacted_thinking", "reasoning", "tool_use", "tool_call", "tool_result", "function_call"}
)
KINDS: Final[Mapping[str, str]] = {
    "image": "image",
    "image_url": "image",
    "image_file": "image",
    "input_image": "image",
    "audio": "audio",
    "input_audio": "audio",
    "video": "video",
    "video_url": "video",
    "file": "file",
    "input_file": "file",
    "document": "file",
    "binary": "file",
}
"""A name for each type of part that is not read; another type is named as it is."""


class ChatMessage(BaseModel):
    """A message as a client sends it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    role: str
    content: Any = None
    refusal: Any = None
    """The model's refusal, in place of content (OpenAI)."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A question and what was said before it."""

    question: str
    earlier: tuple[Message, ...]
    warnings: tuple[str, ...] = ()
    """The parts that were left out, in sentences."""


@dataclass(frozen=True, slots=True)
class _Content:
    text: str
    unread: tuple[str, ...] = ()
    """The kinds of the parts that are not text."""


def read_conversation(messages: Sequence[ChatMessage]) -> Conversation:
    """Read the messages of a request.

    :raises InvalidRequest: when the last message is no question, naming its field.
    """
    spoken = [(place, each) for place, each in enumerate(messages) if each.role not in SILENT]
    if not spoken or SPEAKERS.get(spoken[-1][1].role) != "user":
        raise InvalidRequest("messages has to end with one of the user: the question", field="messages")
    question = _question(*spoken.pop())
    left_out: Counter[str] = Counter()
    earlier = []
    for place, message in spoken:
        role = SPEAKERS.get(message.role)
        if role is None:
            left_out["message of an unknown role"] += 1
            continue
        content = _content(message, f"messages.{place}.content")
        left_out.update(content.unread)
        if content.text:
            earlier.append(Message.model_construct(role=role, content=content.text))
    kept = _newest(earlier)
    if dropped := len(earlier) - len(kept):
        left_out["message beyond the longest conversation"] += dropped
    return Conversation(question, tuple(kept), tuple(_warnings(left_out)))


def _question(place: int, message: ChatMessage) -> str:
    field = f"messages.{place}.content"
    content = _content(message, field)
    if content.unread:
        kinds = " and ".join(f"{_article(kind)} {kind}" for kind in dict.fromkeys(content.unread))
        raise InvalidRequest(f"{field} holds {kinds}, and only text is read here: send text", field=field)
    if not content.text.strip():
        raise InvalidRequest(f"{field} is empty: ask a question", field=field)
    if len(content.text) > MAX_QUERY_CHARACTERS:
        raise InvalidRequest(
            f"{field} is longer than the {MAX_QUERY_CHARACTERS:,} characters that a question may have: "
            "shorten it, or add long texts as documents with POST /v1/documents",
            field=field,
        )
    return content.text


def _content(message: ChatMessage, field: str) -> _Content:
    given = message.content if message.content is not None else message.refusal
    if given is None:
        return _Content("")
    if isinstance(given, str):
        return _Content(given)
    if not isinstance(given, list):
        raise InvalidRequest(f"{field} must be text or a list of parts", field=field)
    texts: list[str] = []
    unread: list[str] = []
    for number, part in enumerate(given):
        _read_part(part, f"{field}.{number}", texts, unread)
    return _Content("\n".join(text for text in texts if text), tuple(unread))


def _read_part(part: object, field: str, texts: list[str], unread: list[str]) -> None:
    if isinstance(part, str):
        texts.append(part)
        return
    if not isinstance(part, dict):
        raise InvalidRequest(f"{field} must be a part with a type, such as text", field=field)
    kind = part.get("type")
    text = part.get("refusal" if kind == "refusal" else "text")
    if kind is None or kind in ("refusal", *TEXT_TYPES):
        if text is not None and not isinstance(text, str):
            raise InvalidRequest(f"{field}.text must be text", field=f"{field}.text")
        texts.append(text or "")
    elif not isinstance(kind, str):
        raise InvalidRequest(f"{field}.type must be text", field=f"{field}.type")
    elif kind not in SILENT_TYPES:
        unread.append(KINDS.get(kind) or f'part of the type "{kind[:50]}"')


def _newest(messages: list[Message]) -> list[Message]:
    """Return the newest messages that fit into a request."""
    characters = 0
    for count, message in enumerate(reversed(messages)):
        characters += len(message.content)
        if count == MAX_EARLIER_MESSAGES or characters > MAX_EARLIER_CHARACTERS:
            return messages[len(messages) - count :]
    return messages


def _warnings(left_out: Mapping[str, int]) -> Iterable[str]:
    for what, count in left_out.items():
        yield f"Earlier messages were read without {what} ({count})."


def _article(kind: str) -> str:
    return "an" if kind[0] in "aeiou" else "a"
