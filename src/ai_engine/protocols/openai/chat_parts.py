"""Parts of messages in OpenAI's chat completions (its API reference, "Create chat completion")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ai_engine.protocols.canonical.features import Feature
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.media import data_url, note_media, read_media_url
from ai_engine.protocols.canonical.messages import MediaPart, MessagePart, TextPart

__all__ = ["content_of", "read_content", "written_content"]

AUDIO_TYPES: Final = {"wav": "audio/wav", "mp3": "audio/mp3"}


def read_content(fields: FieldReader) -> tuple[MessagePart, ...]:
    """Read a message's content: a text, or parts."""
    content = fields.any("content")
    if content is None or isinstance(content, str):
        return (TextPart(content),) if content else ()
    return tuple(part for each in fields.objects("content") for part in _read_part(each))


def content_of(part: MessagePart) -> dict[str, Any] | None:
    """Write one part; None for a type that is no content."""
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if not isinstance(part, MediaPart):
        return None
    if part.kind == "audio":
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": _audio_format(part)}}
    if part.kind == "document":
        file = {"filename": part.name or "document", "file_data": data_url(part)}
        return {"type": "file", "file": file}
    image = {"url": data_url(part)} | ({"detail": part.detail} if part.detail else {})
    return {"type": "image_url", "image_url": image}


def written_content(parts: tuple[MessagePart, ...]) -> str | list[dict[str, Any]]:
    """Write a message's content: a single text as it is."""
    written = [content for part in parts if (content := content_of(part)) is not None]
    if len(written) == 1 and "text" in written[0]:
        return str(written[0]["text"])
    return written


def _read_part(part: FieldReader) -> Iterator[MessagePart]:
    kind = part.required_text("type")
    if kind in ("text", "refusal"):
        if text := part.text(kind):
            yield TextPart(text)
    elif kind == "image_url":
        if (image := part.object("image_url")) is None:
            raise part.wrong("image_url", "is missing")
        yield note_media(part, "image_url", read_media_url(image, "url", "image", detail=_detail(image)))
    elif kind == "input_audio":
        yield from _read_audio(part)
    elif kind == "file":
        yield from _read_file(part)
    else:
        part.note(Feature.OTHER_PARTS)


def _detail(image: FieldReader) -> str:
    detail = image.text("detail")
    return "" if detail == "auto" else detail


def _read_audio(part: FieldReader) -> Iterator[MessagePart]:
    if (audio := part.object("input_audio")) is None:
        raise part.wrong("input_audio", "is missing")
    sound = audio.required_text("format")
    data = audio.required_text("data")
    media = MediaPart("audio", AUDIO_TYPES.get(sound, f"audio/{sound}"), data)
    yield note_media(part, "input_audio", media)


def _audio_format(part: MediaPart) -> str:
    return part.media_type.removeprefix("audio/")


def _read_file(part: FieldReader) -> Iterator[MessagePart]:
    if (file := part.object("file")) is None:
        raise part.wrong("file", "is missing")
    name = file.text("filename")
    if file.any("file_data") is None:
        file.use(Feature.STORED_FILES, "file_id")
        return
    yield note_media(part, "file", read_media_url(file, "file_data", "document", title=name))
