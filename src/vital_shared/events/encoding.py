"""Events as the bytes of server-sent events (HTML standard, section 9.2), which are also what Redis keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import from_json, to_json

from vital_shared.models.event import Event

__all__ = ["decode", "encode", "encode_token", "frames_after", "last_seq", "last_type"]

_EVENT: Final = re.compile(rb"\nevent: (\w+)\ndata: ")

_ID: Final = re.compile(rb"^id: (\d+)$", re.MULTILINE)

FRAME_END: Final = b"\n\n"


def encode(event: Event) -> bytes:
    """Write an event as server-sent events have it; JSON has no raw line breaks."""
    data = event.serializer.to_json(event)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.seq, event.type.encode(), data)


def encode_token(run_id: str, seq: int, epoch: int, text: str) -> bytes:
    """Write a piece of an answer as `encode` does a `Token`, without making one."""
    fields = b'{"run_id":%s,"seq":%d,"epoch":%d,"type":"token","text":%s}'
    data = fields % (to_json(run_id), seq, epoch, to_json(text))
    return b"id: %d\nevent: token\ndata: %s\n\n" % (seq, data)


def decode(frames: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read what `encode` wrote, any number of whole events: their types and their fields."""
    for frame in frames.split(FRAME_END):
        if found := _EVENT.search(frame):
            yield found[1].decode(), from_json(frame[found.end() :])


def last_seq(frames: bytes) -> int:
    """Return the number of the last event in what `encode` wrote; 0 where there is none."""
    found = _ID.findall(frames)
    return int(found[-1]) if found else 0


def last_type(frames: bytes) -> str:
    """Return the type of the last event in what `encode` wrote; empty where there is none."""
    found = _EVENT.search(frames, max(0, frames.rfind(b"\nevent: ")))
    return found[1].decode() if found else ""


def frames_after(frames: bytes, seq: int) -> bytes:
    """Leave out the events up to a number."""
    kept = (frame for frame in frames.split(FRAME_END) if frame and last_seq(frame) > seq)
    return b"".join(frame + FRAME_END for frame in kept)
