"""A whole message as the events of a stream: some servers answer so although a stream was asked for.

Source: Anthropic's API reference, "Streaming Messages".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from ai_engine.protocols.canonical.server_sent import named_event

__all__ = ["as_events"]

STREAMED: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "text": (("text", "text_delta"),),
    "thinking": (("thinking", "thinking_delta"), ("signature", "signature_delta")),
}
"""The fields of a block, by its type, that come piece by piece, and the type of such a piece."""


def as_events(message: Mapping[str, Any]) -> bytes:
    """Write the events by which a client reads the message."""
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    usage = message.get("usage")
    begun = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    delta = {name: message.get(name) for name in ("stop_reason", "stop_sequence")}
    return b"".join(
        (
            _event("message_start", message=begun),
            *(event for number, block in enumerate(blocks) for event in _block(number, block)),
            _event("message_delta", delta=delta, usage=usage if isinstance(usage, dict) else {}),
            _event("message_stop"),
        )
    )


def _block(number: int, block: Any) -> Iterator[bytes]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "tool_use":
        begun, given = {**block, "input": {}}, orjson.dumps(block.get("input") or {}).decode()
        pieces = [{"type": "input_json_delta", "partial_json": given}]
    else:
        fields = [each for each in STREAMED.get(str(kind), ()) if block.get(each[0])]
        begun = {**block, **{name: "" for name, _ in fields}} if fields else block
        pieces = [{"type": piece, name: block[name]} for name, piece in fields]
    yield _event("content_block_start", index=number, content_block=begun)
    for piece in pieces:
        yield _event("content_block_delta", index=number, delta=piece)
    yield _event("content_block_stop", index=number)


def _event(kind: str, **fields: Any) -> bytes:
    return named_event(kind, {"type": kind, **fields})
