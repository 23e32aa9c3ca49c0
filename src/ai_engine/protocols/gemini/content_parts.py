"""Read the contents of a request of the Gemini API (its reference, `Content` and `Part`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import orjson

from ai_engine.protocols.canonical.features import Feature
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.media import note_media
from ai_engine.protocols.canonical.messages import (
    CallPart,
    CanonicalMessage,
    MediaPart,
    MessagePart,
    MessageRole,
    OutputPart,
    TextPart,
)
from ai_engine.protocols.gemini.signatures import is_signed

__all__ = ["read_contents", "read_texts"]

ROLES: Final[dict[str, MessageRole]] = {
    "": "user",
    "user": "user",
    "function": "user",
    "model": "assistant",
}

STORED_AT_GOOGLE: Final = ("https://generativelanguage.googleapis.com/", "gs://")

OUTPUT_FIELDS: Final = ("output", "result")
"""Fields in which clients put the output of a tool, if it is its only one."""


def read_contents(fields: FieldReader) -> tuple[CanonicalMessage, ...]:
    """Read the messages; the outputs of tools get the ids of their calls, which clients may leave out.

    What the model said in a row is one message: Google's client keeps each chunk of a stream by itself.

    :raises InvalidRequest: naming the field that is wrong.
    """
    calls = _Calls()
    messages: list[CanonicalMessage] = []
    for each in fields.objects("contents"):
        message = _read_content(each, calls)
        if messages and message.role == messages[-1].role == "assistant":
            messages[-1] = CanonicalMessage("assistant", _joined(messages[-1].parts, message.parts))
        else:
            messages.append(message)
    return tuple(messages)


def _joined(before: Sequence[MessagePart], after: Sequence[MessagePart]) -> tuple[MessagePart, ...]:
    """Return the parts of two messages; a text that goes on is one."""
    if before and after and isinstance(before[-1], TextPart) and isinstance(after[0], TextPart):
        return (*before[:-1], TextPart(before[-1].text + after[0].text), *after[1:])
    return (*before, *after)


def read_texts(fields: FieldReader, name: str) -> tuple[MessagePart, ...]:
    """Read a content that is instructions, whatever role it has."""
    content = fields.object(name)
    if content is None:
        return ()
    content.ignore("role")
    return tuple(_read_parts(content, _Calls()))


class _Calls:
    """The calls of tools that have no output yet, with the ids that they have or are given."""

    def __init__(self) -> None:
        self._count = 0
        self._open: list[tuple[str, str]] = []
        """Names and ids."""

    def called(self, name: str, given: str) -> str:
        """Return the id of a call."""
        self._count += 1
        call_id = given or f"gemini_call_{self._count}"
        self._open.append((name, call_id))
        return call_id

    def answered(self, name: str, given: str) -> str | None:
        """Return the id of the call that an output is for; None: there is no such call."""
        for at, (called, call_id) in enumerate(self._open):
            if call_id == given or (not given and called == name):
                del self._open[at]
                return call_id
        return given or None


def _read_content(content: FieldReader, calls: _Calls) -> CanonicalMessage:
    role = ROLES.get(content.text("role"))
    if role is None:
        raise content.wrong("role", "must be user or model")
    return CanonicalMessage(role, tuple(_read_parts(content, calls)))


def _read_parts(content: FieldReader, calls: _Calls) -> Iterator[MessagePart]:
    for part in content.objects("parts"):
        yield from _read_part(part, calls)


def _read_part(part: FieldReader, calls: _Calls) -> Iterator[MessagePart]:
    if is_signed(part.text("thoughtSignature")):
        part.note(Feature.SIGNED_THINKING, "thoughtSignature")
    if part.flag("thought"):
        part.note(Feature.PLAIN_REASONING)
    elif text := part.text("text"):
        yield TextPart(text)
    elif blob := part.object("inlineData"):
        yield from _read_blob(part, blob)
    elif file := part.object("fileData"):
        yield from _read_file(part, file)
    elif call := part.object("functionCall"):
        name, arguments = call.required_text("name"), call.schema("args") or {}
        yield CallPart(calls.called(name, call.text("id")), name, arguments)
    elif response := part.object("functionResponse"):
        yield _read_response(response, calls)
    elif part.any("text") is None:
        part.note(Feature.OTHER_PARTS)


def _read_blob(part: FieldReader, blob: FieldReader) -> Iterator[MediaPart]:
    media_type = blob.required_text("mimeType")
    kind = _kind(media_type)
    if kind is None:
        part.note(Feature.OTHER_PARTS)
        return
    data = blob.required_text("data").replace("-", "+").replace("_", "/")  # both alphabets are in use
    padded = data + "=" * (-len(data) % 4)
    yield note_media(part, "inlineData", MediaPart(kind, media_type, padded, name=blob.text("displayName")))


def _read_file(part: FieldReader, file: FieldReader) -> Iterator[MediaPart]:
    url, kind = file.required_text("fileUri"), _kind(file.text("mimeType"))
    if url.startswith(STORED_AT_GOOGLE) or not url.startswith(("https://", "http://")):
        part.note(Feature.STORED_FILES, "fileData")
    elif kind not in ("image", "document"):
        part.note(Feature.OTHER_PARTS)
    else:
        name = file.text("displayName")
        yield note_media(part, "fileData", MediaPart(kind, url=url, name=name))


def _kind(media_type: str) -> Literal["image", "audio", "document"] | None:
    match media_type.partition("/")[0]:
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "application" | "text":
            return "document"
        case _:
            return None


def _read_response(response: FieldReader, calls: _Calls) -> OutputPart:
    name = response.required_text("name")
    call_id = calls.answered(name, response.text("id"))
    if call_id is None:
        raise response.wrong("name", "does not match an earlier functionCall that waits for an output")
    response.ignore("willContinue", "scheduling")
    if response.any("parts"):
        response.note(Feature.OUTPUT_MEDIA, "parts")
    output = response.schema("response") or {}
    failed = "error" in output and not any(name in output for name in OUTPUT_FIELDS)
    if failed:
        response.note(Feature.FAILED_OUTPUT, "response")
    return OutputPart(call_id, (TextPart(_text_of(output)),), failed=failed)


def _text_of(output: Mapping[str, Any]) -> str:
    """Return the output of a tool as text: what stands alone in a field of the API's own, or all of it."""
    if len(output) == 1:
        name, value = next(iter(output.items()))
        if name in (*OUTPUT_FIELDS, "error"):
            return value if isinstance(value, str) else orjson.dumps(value).decode()
    return orjson.dumps(output).decode()
