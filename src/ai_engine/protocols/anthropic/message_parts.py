"""Content blocks in requests of Anthropic's Messages API (its API reference, "Create a Message")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from ai_engine.protocols.canonical.features import Feature
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.media import note_media
from ai_engine.protocols.canonical.messages import CallPart, MediaPart, MessagePart, OutputPart, TextPart

__all__ = ["read_blocks", "written_blocks"]


def read_blocks(fields: FieldReader, name: str = "content") -> tuple[MessagePart, ...]:
    """Read content: a text, or blocks."""
    content = fields.any(name)
    if content is None or isinstance(content, str):
        return (TextPart(content),) if content else ()
    return tuple(part for each in fields.objects(name) for part in _read_block(each))


def written_blocks(parts: Iterable[MessagePart]) -> list[dict[str, Any]]:
    """Write parts as blocks; the API refuses texts that are empty."""
    return [_block(part) for part in parts if not isinstance(part, TextPart) or part.text.strip()]


def _read_block(block: FieldReader) -> Iterator[MessagePart]:
    kind = block.required_text("type")
    if kind == "text":
        if text := block.text("text"):
            yield TextPart(text)
        block.ignore("citations")  # of an earlier answer, or none
    elif kind == "image":
        yield from _read_source(block, "image")
    elif kind == "document":
        citations = block.object("citations")
        if citations is not None and citations.flag("enabled"):
            block.note(Feature.DOCUMENT_OPTIONS, "citations")
        block.use(Feature.DOCUMENT_OPTIONS, "context")
        yield from _read_source(block, "document")
    elif kind == "tool_use":
        arguments = block.schema("input") or {}
        block.ignore("caller")
        yield CallPart(block.required_text("id"), block.required_text("name"), arguments)
    elif kind == "tool_result":
        yield _read_output(block)
    elif kind in ("thinking", "redacted_thinking"):
        signed = kind == "redacted_thinking" or bool(block.any("signature"))
        block.note(Feature.SIGNED_THINKING if signed else Feature.PLAIN_REASONING)
    else:
        block.note(Feature.OTHER_PARTS)


def _read_source(block: FieldReader, kind: Literal["image", "document"]) -> Iterator[MessagePart]:
    source = block.object("source")
    if source is None:
        raise block.wrong("source", "is missing")
    title = block.text("title") if kind == "document" else ""
    match source.required_text("type"):
        case "base64":
            media_type, data = source.required_text("media_type"), source.required_text("data")
            yield note_media(block, "source", MediaPart(kind, media_type, data, name=title))
        case "url":
            url = source.required_text("url")
            yield note_media(block, "source", MediaPart(kind, url=url, name=title))
        case "file":
            source.note(Feature.STORED_FILES)
        case _:
            source.note(Feature.DOCUMENT_OPTIONS)


def _read_output(block: FieldReader) -> OutputPart:
    read = read_blocks(block)
    parts = tuple(part for part in read if not isinstance(part, CallPart | OutputPart))
    if any(not isinstance(part, TextPart) for part in parts):
        block.note(Feature.OUTPUT_MEDIA, "content")
    failed = bool(block.flag("is_error"))
    if failed:
        block.note(Feature.FAILED_OUTPUT, "is_error")
    return OutputPart(block.required_text("tool_use_id"), parts, failed=failed)


def _block(part: MessagePart) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, CallPart):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.arguments}
    if isinstance(part, MediaPart):
        title = {"title": part.name} if part.name and part.kind == "document" else {}
        return {"type": part.kind, "source": _source(part), **title}
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": part.call_id}
    if content := written_blocks(part.parts):
        block["content"] = content
    return block | ({"is_error": True} if part.failed else {})


def _source(part: MediaPart) -> dict[str, Any]:
    if part.url:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": part.media_type, "data": part.data}
