"""The events of one run, for any number of readers, each from any point.

Each event is kept once, as the bytes that go out; a reader is no more than a number. The log is
bounded: when it is full, the oldest event is dropped to make room, but not before all followers
have read it. Until then the run waits, and with it the model: so the slowest reader sets the pace,
and memory does not grow. A reader that comes after an event was dropped begins with the oldest that is
there; the last event holds the whole answer anyway.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pydantic_core import from_json

from vital_shared.models.event import Event, RunFailedEvent, RunFinished, RunPaused

__all__ = ["Follower", "Outcome", "RunLog", "decode", "encode", "last_seq"]

LIMIT_BYTES: Final = 4_000_000
"""Some 30,000 tokens; the longest answers of today's models are shorter."""

FRAME_BYTES: Final = 150
"""The overhead of an event in memory, beside its bytes."""
LOG_FRAMES: Final = 20
"""Events that take as much memory as the log and its run themselves."""

BATCH_BYTES: Final = 64_000
"""About what a socket takes at once."""

_EVENT: Final = re.compile(rb"\nevent: (\w+)\ndata: ")

_ID: Final = re.compile(rb"^id: (\d+)$", re.MULTILINE)

Outcome = RunFinished | RunPaused | RunFailedEvent


def encode(event: Event) -> bytes:
    """Write an event as server-sent events have it; JSON has no raw line breaks."""
    # As `model_dump_json` does it, in half its time: this is paid for each token.
    data = event.__pydantic_serializer__.to_json(event)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.seq, event.type.encode(), data)


def decode(frames: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read what `encode` wrote, any number of whole events: their types, and what they say."""
    for frame in frames.split(b"\n\n"):
        if found := _EVENT.search(frame):
            yield found[1].decode(), from_json(frame[found.end() :])


def last_seq(frames: bytes) -> int:
    """Return the number of the last event in what `encode` wrote; 0 where there is none."""
    found = _ID.findall(frames)
    return int(found[-1]) if found else 0


class _Bell:
    """A signal that wakes all waiting tasks."""

    def __init__(self) -> None:
        self._event: asyncio.Event | None = None

    def ring(self) -> None:
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self) -> None:
        if self._event is None:
            self._event = asyncio.Event()
        await self._event.wait()


class RunLog:
    """The events of a run, in their order, without gaps.

    :param limit_bytes: bytes of them that are kept.
    """

    def __init__(self, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.first_seq = 1
        """The number of the oldest event that is there, or of the next one, where there is none."""
        self.last_seq = 0
        self.size = 0
        """In bytes."""
        self.closed = False
        self.outcome: Outcome | None = None
        """The run's end, or its pause; None while it runs."""
        self._limit = limit_bytes
        self._frames: dict[int, bytes] = {}
        self._followers: set[Follower] = set()
        self._first_reader: Follower | None = None
        """The place kept for a reader that is still to come."""
        self._written = _Bell()
        self._read = _Bell()

    @property
    def memory(self) -> int:
        """About how many bytes it takes: small events weigh more than they say."""
        return self.size + FRAME_BYTES * (len(self._frames) + LOG_FRAMES)

    async def append(self, event: Event) -> None:
        """Add an event, waiting for slow followers where the log is full."""
        frame = encode(event)
        if event.seq != self.last_seq + 1:  # what lies between happened in another process
            self._frames.clear()
            self.first_seq, self.size = event.seq, 0
        while self._frames and self.size + len(frame) > self._limit:
            await self._drop_oldest()
        self._frames[event.seq] = frame
        self.last_seq = event.seq
        self.size += len(frame)
        if isinstance(event, Outcome):
            self.outcome = event
        self._written.ring()

    async def _drop_oldest(self) -> None:
        while any(follower.seen < self.first_seq for follower in self._followers):
            await self._read.wait()
        self.size -= len(self._frames.pop(self.first_seq))
        self.first_seq += 1

    def close(self) -> None:
        """Signal the followers that no more events will come."""
        self.closed = True
        self._written.ring()

    def reopen(self) -> None:
        """Go on after a pause."""
        self.closed, self.outcome = False, None

    def keep_place(self) -> None:
        """Keep what is written from now on for a first reader, until `give_up_place`."""
        self.give_up_place()
        self._first_reader = Follower(self.last_seq)
        self._followers.add(self._first_reader)

    def give_up_place(self) -> None:
        """Keep nothing for a first reader: it is here, or does not come."""
        if self._first_reader is not None:
            self._followers.discard(self._first_reader)
            self._first_reader = None
            self._read.ring()

    @contextmanager
    def follow(self, after: int = 0) -> Iterator[Follower]:
        """Begin to read what comes after an event's number.

        Leaving the block frees the log from waiting for this reader.
        """
        follower = Follower(min(after, self.last_seq))
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)
            self._read.ring()

    def take(self, follower: Follower) -> bytes:
        """Return what is new to a follower, as much as fits in one piece; empty where there is nothing."""
        parts, size = [], 0
        seq = max(follower.seen + 1, self.first_seq)
        while size < BATCH_BYTES and (frame := self._frames.get(seq)) is not None:
            parts.append(frame)
            size += len(frame)
            seq += 1
        follower.seen = seq - 1
        if parts:
            self._read.ring()
        return b"".join(parts)

    async def wait(self, follower: Follower) -> None:
        """Wait until something is new to a follower, or nothing will be."""
        while follower.seen >= self.last_seq and not self.closed:
            await self._written.wait()


class Follower:
    """One reader's place in a log.

    :param seen: the number of the last event that was read.
    """

    __slots__ = ("seen",)

    def __init__(self, seen: int) -> None:
        self.seen = seen
