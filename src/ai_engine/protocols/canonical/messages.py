"""Messages and their parts, as all chat protocols have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "CallPart",
    "CanonicalMessage",
    "MediaPart",
    "MessagePart",
    "MessageRole",
    "OutputPart",
    "TextPart",
]

MessageRole = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text."""

    text: str


@dataclass(frozen=True, slots=True)
class MediaPart:
    """An image, a recording or a document: its content, or the address of it."""

    kind: Literal["image", "audio", "document"]
    media_type: str = ""
    """Its type, such as ``image/png``; empty where only the address is known."""
    data: str = ""
    """The content in base64."""
    url: str = ""
    name: str = ""
    """The name of its file."""
    detail: str = ""
    """OpenAI's resolution of an image, such as ``low``; empty: the model's own."""


@dataclass(frozen=True, slots=True)
class CallPart:
    """A call of a tool, in a message of the assistant."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OutputPart:
    """The output of a tool, in a message of the user."""

    call_id: str
    parts: tuple[TextPart | MediaPart, ...]
    failed: bool = False


MessagePart = TextPart | MediaPart | CallPart | OutputPart


@dataclass(frozen=True, slots=True)
class CanonicalMessage:
    """A message; one of the system may stand anywhere."""

    role: MessageRole
    parts: tuple[MessagePart, ...]
