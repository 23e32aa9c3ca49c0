"""Input items of OpenAI's Responses API (its API reference, "Create a model response")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from ai_engine.protocols.canonical.features import Feature
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.json_arguments import read_json_arguments
from ai_engine.protocols.canonical.media import note_media, read_media_url
from ai_engine.protocols.canonical.messages import (
    CallPart,
    CanonicalMessage,
    MediaPart,
    MessagePart,
    MessageRole,
    OutputPart,
    TextPart,
)

__all__ = ["read_input"]

ROLES: Final[dict[str, MessageRole]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
TEXT_TYPES: Final = ("input_text", "output_text", "text")


def read_input(fields: FieldReader) -> tuple[CanonicalMessage, ...]:
    """Read the field ``input``: a text, or items."""
    given = fields.any("input")
    if isinstance(given, str):
        return (CanonicalMessage("user", (TextPart(given),)),) if given else ()
    read = (message for item in fields.objects("input") for message in _read_item(item))
    return tuple(_joined(read))


def _read_item(item: FieldReader) -> Iterator[CanonicalMessage]:
    item.ignore("id", "status")
    match item.text("type"):
        case "" | "message":
            yield _read_message(item)
        case "function_call":
            arguments = read_json_arguments(item)
            item.ignore("caller", "namespace")
            call = CallPart(item.required_text("call_id"), item.required_text("name"), arguments)
            yield CanonicalMessage("assistant", (call,))
        case "function_call_output":
            item.ignore("caller", "name", "namespace")
            yield CanonicalMessage("user", (_read_output(item),))
        case "reasoning":
            encrypted = bool(item.any("encrypted_content"))
            item.note(Feature.ENCRYPTED_REASONING if encrypted else Feature.PLAIN_REASONING)
        case _:
            item.note(Feature.OTHER_PARTS)


def _read_message(item: FieldReader) -> CanonicalMessage:
    role = ROLES.get(item.required_text("role"))
    if role is None:
        raise item.wrong("role", "must be system, developer, user or assistant")
    item.ignore("phase")
    return CanonicalMessage(role, _read_content(item, "content"))


def _read_content(fields: FieldReader, name: str) -> tuple[MessagePart, ...]:
    content = fields.any(name)
    if content is None or isinstance(content, str):
        return (TextPart(content),) if content else ()
    return tuple(part for each in fields.objects(name) for part in _read_part(each))


def _read_part(part: FieldReader) -> Iterator[TextPart | MediaPart]:
    kind = part.required_text("type")
    if kind in TEXT_TYPES or kind == "refusal":
        part.ignore("annotations", "logprobs")
        if text := part.text("refusal" if kind == "refusal" else "text"):
            yield TextPart(text)
    elif kind == "input_image":
        detail = part.text("detail")
        detail = "" if detail == "auto" else detail
        if part.any("image_url") is None:
            part.use(Feature.STORED_FILES, "file_id")
        else:
            yield note_media(part, "image_url", read_media_url(part, "image_url", "image", detail=detail))
    elif kind == "input_file":
        yield from _read_file(part)
    elif kind == "input_audio" and (audio := part.object("input_audio")) is not None:
        media_type = f"audio/{audio.required_text('format')}"
        yield note_media(part, "input_audio", MediaPart("audio", media_type, audio.required_text("data")))
    else:
        part.note(Feature.OTHER_PARTS)


def _read_file(part: FieldReader) -> Iterator[MediaPart]:
    name = part.text("filename")
    part.ignore("detail")
    for source in ("file_data", "file_url"):
        if part.any(source) is not None:
            yield note_media(part, source, read_media_url(part, source, "document", title=name))
            return
    part.use(Feature.STORED_FILES, "file_id")


def _read_output(item: FieldReader) -> OutputPart:
    read = _read_content(item, "output")
    parts = tuple(part for part in read if not isinstance(part, CallPart | OutputPart))
    if any(not isinstance(part, TextPart) for part in parts):
        item.note(Feature.OUTPUT_MEDIA, "output")
    return OutputPart(item.required_text("call_id"), parts)


def _joined(messages: Iterable[CanonicalMessage]) -> Iterator[CanonicalMessage]:
    """Join what one turn is made of: a text with the calls behind it, and the outputs of tools."""
    latest: CanonicalMessage | None = None
    for message in messages:
        if latest is not None and _belong_together(latest, message):
            latest = replace(latest, parts=latest.parts + message.parts)
            continue
        if latest is not None:
            yield latest
        latest = message
    if latest is not None:
        yield latest


def _belong_together(first: CanonicalMessage, second: CanonicalMessage) -> bool:
    if not second.parts or first.role != second.role:
        return False
    if isinstance(second.parts[0], CallPart):
        return True
    if first.role == "assistant" and any(isinstance(each, CallPart) for each in first.parts):
        return True  # a text between calls: what answers the calls comes behind all of them
    return isinstance(second.parts[0], OutputPart) and all(
        isinstance(each, OutputPart) for each in first.parts
    )
