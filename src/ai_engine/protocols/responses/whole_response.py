"""A whole response as the events of a stream: some servers answer so although a stream was asked for.

Source: OpenAI's API reference, "Streaming events".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

__all__ = ["as_events", "is_whole"]

ENDS: Final = frozenset({"completed", "incomplete", "failed", "cancelled"})
"""States in which a response has ended; a server that names none has completed it."""


class StreamedField(NamedTuple):
    """A text that comes piece by piece."""

    name: str
    """The field of its item, or of a part of it."""
    events: str
    """The name of the events with its pieces and its whole, without their ends."""


OF_ITEMS: Final[Mapping[str, StreamedField]] = {
    "function_call": StreamedField("arguments", "response.function_call_arguments"),
    "mcp_call": StreamedField("arguments", "response.mcp_call_arguments"),
    "custom_tool_call": StreamedField("input", "response.custom_tool_call_input"),
}
"""The texts of items, by their types."""

OF_PARTS: Final[Mapping[str, StreamedField]] = {
    "output_text": StreamedField("text", "response.output_text"),
    "refusal": StreamedField("refusal", "response.refusal"),
    "reasoning_text": StreamedField("text", "response.reasoning_text"),
    "summary_text": StreamedField("text", "response.reasoning_summary_text"),
}
"""The texts of an item's parts, by their types."""

PARTS: Final = (
    ("summary", "summary_index", "response.reasoning_summary_part"),
    ("content", "content_index", "response.content_part"),
)
"""The lists of parts that an item may have, the number of a part in its events, and the name of those."""


def is_whole(event: Mapping[str, Any]) -> bool:
    """Return whether what came is a whole response, and no event of a stream."""
    return event.get("object") == "response" or (event.get("type") is None and "output" in event)


def as_events(response: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the events by which a client reads the response."""
    status = response.get("status")
    end = status if status in ENDS else "completed"
    begun = {**response, "status": "in_progress", "output": [], "usage": None, "error": None}
    begun["incomplete_details"] = None
    output = response.get("output")
    items = output if isinstance(output, list) else []
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        *(event for place, item in enumerate(items) for event in _item(place, item)),
        {"type": f"response.{'failed' if end == 'cancelled' else end}", "response": dict(response)},
    ]
    return [each | {"sequence_number": number} for number, each in enumerate(events)]


def _item(place: int, item: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(item, dict):
        return
    at = {"output_index": place}
    of_item = {"item_id": item.get("id") or "", **at}
    lists = [(name, number, events) for name, number, events in PARTS if isinstance(item.get(name), list)]
    begun = {**item, **{name: [] for name, _, _ in lists}}
    if "status" in item:
        begun["status"] = "in_progress"
    text = OF_ITEMS.get(str(item.get("type")))
    if text is not None:
        begun[text.name] = ""
    yield {"type": "response.output_item.added", **at, "item": begun}
    for name, number, events in lists:
        for index, part in enumerate(item[name]):
            yield from _part({**of_item, number: index}, part, events)
    if text is not None:
        more = {"name": item.get("name")} if text.name == "arguments" else {}
        yield from _text(of_item, item.get(text.name), text, more)
    yield {"type": "response.output_item.done", **at, "item": item}


def _part(place: dict[str, Any], part: Any, events: str) -> Iterator[dict[str, Any]]:
    text = OF_PARTS.get(str(part.get("type"))) if isinstance(part, dict) else None
    begun = part if text is None else {**part, text.name: ""}
    annotations = part.get("annotations") if isinstance(part, dict) else None
    if annotations and isinstance(annotations, list):
        begun["annotations"] = []
    yield {"type": f"{events}.added", **place, "part": begun}
    if text is not None:
        more = {"logprobs": part.get("logprobs") or []} if part["type"] == "output_text" else {}
        yield from _text(place, part.get(text.name), text, more, of_pieces=more)
    for number, each in enumerate(annotations if isinstance(annotations, list) else ()):
        name = "response.output_text.annotation.added"
        yield {"type": name, **place, "annotation_index": number, "annotation": each}
    yield {"type": f"{events}.done", **place, "part": part}


def _text(
    place: dict[str, Any],
    written: Any,
    text: StreamedField,
    of_whole: dict[str, Any],
    of_pieces: dict[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    if not isinstance(written, str):
        return
    if written:
        yield {"type": f"{text.events}.delta", **place, "delta": written, **(of_pieces or {})}
    yield {"type": f"{text.events}.done", **place, text.name: written, **of_whole}
