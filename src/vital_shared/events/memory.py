"""The event log of a run in the memory of the process that works on it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Final, Self

from pydantic_core import to_json

from vital_shared.events.encoding import encode, encode_token
from vital_shared.events.log import StaleWriter
from vital_shared.models.event import (
    OUTCOMES,
    Event,
    InputRequired,
    NodeYielded,
    Outcome,
    Reasoning,
    RunFinished,
    RunPaused,
    Token,
)
from vital_shared.models.required_input import RequiredInput

__all__ = ["MemoryFollower", "MemoryLog"]

LIMIT_BYTES: Final = 8_000_000
"""Some 20,000 tokens; the longest answers of today's models are shorter."""

EVENT_BYTES: Final = 400
"""The memory of an event and its encoded form beside their texts."""
CONTENT_BYTES: Final = 2_000
"""An estimate of the content of an event that has no text, which need not be encoded to be kept."""
LOG_BYTES: Final = 3_000
"""The memory of a log and its run."""

PIECE_BYTES: Final = 64_000
"""About what a socket takes at once."""

TAKEN_OVER: Final = "Another worker has taken this run over."

TEXTS: Final = (Token, Reasoning)
OUTPUTS: Final = (RunFinished, RunPaused)


class MemoryLog:
    """An `EventLog` in memory; each event is encoded at most once, and only when somebody reads bytes.

    :param last_seq: the number of the last event before this log, where the run was paused.
    :param epoch: the epoch of its writer.
    :param limit_bytes: the memory of its events, at most.
    """

    def __init__(
        self, run_id: str, *, last_seq: int = 0, epoch: int = 0, limit_bytes: int = LIMIT_BYTES
    ) -> None:
        self.run_id = run_id
        self.epoch = epoch
        self.first_seq = last_seq + 1
        """The number of the oldest event that is there, or of the next one, where there is none."""
        self.last_seq = last_seq
        self.readable_seq = last_seq
        """The number of the last event that readers may have; see `WrittenLog`."""
        self.size = 0
        """An estimate of the memory of the events, in bytes."""
        self.outcome: Outcome | None = None
        self.is_closed = False
        self.is_superseded = False
        """Whether another worker has taken the run over; its writer here may write no more."""
        self._limit = limit_bytes
        self._full = limit_bytes - limit_bytes // 16  # the next event still fits
        self._events: dict[int, Event | str] = {}
        """By number; a piece of the answer is kept as its text, until somebody reads the event."""
        self._frames: dict[int, bytes] = {}
        self._followers: set[MemoryFollower] = set()
        self._first_reader: MemoryFollower | None = None
        """The place kept for a reader that is still to come."""
        self._readers: list[asyncio.Future[None]] = []
        """Readers that wait for an event."""
        self._writers: list[asyncio.Future[None]] = []
        """Writers that wait for room."""
        self._awaiting_end: list[asyncio.Future[None]] = []

    @property
    def memory(self) -> int:
        """About how many bytes it takes."""
        return self.size + LOG_BYTES

    def append(self, event: Event) -> None:
        """Add an event without waiting.

        :raises StaleWriter: when the event's epoch is over.
        """
        if self.is_superseded:
            raise StaleWriter(TAKEN_OVER)
        seq = event.seq
        if event.epoch != self.epoch:
            self._enter_epoch(event.epoch)
        if seq != self.last_seq + 1:  # what lies between happened in another process
            self._forget_all(seq)
        self._events[seq] = event
        self.last_seq = seq
        self.size += _weight(event)
        if event.type in OUTCOMES:
            self.outcome = event  # type: ignore[assignment]  # the type is one of an outcome
        self._added()

    def append_text(self, text: str) -> None:
        """Add the next piece of the answer without waiting; to readers it is a `Token` of this epoch.

        :raises StaleWriter: when the epoch is over.
        """
        if self.is_superseded:
            raise StaleWriter(TAKEN_OVER)
        self.last_seq = seq = self.last_seq + 1
        self._events[seq] = text
        self.size += _weight(text)
        self._added()

    def _added(self) -> None:
        self.readable_seq = self.last_seq
        if self.size > self._limit:
            self._drop_read()
        if self._readers:
            _wake(self._readers)

    def release(self, seq: int) -> None:
        """Let readers have the events up to a number."""
        if seq > self.readable_seq:
            self.readable_seq = seq
            _wake(self._readers)

    @property
    def is_full(self) -> bool:
        """Whether a reader has to read before the writer may go on."""
        oldest = self.first_seq if self.size >= self._full else 0
        for each in self._followers:
            if each.seen < oldest or self.last_seq - each.seen >= each.max_unread:
                return True
        return False

    async def room(self) -> None:
        """Wait until there is room for an event: a slow reader slows the writer down."""
        while self.is_full:
            await _turn(self._writers)

    def close(self) -> None:
        """End the log; the followers read what is left."""
        self.is_closed = True
        _wake(self._readers)
        _wake(self._awaiting_end)

    @property
    def is_complete(self) -> bool:
        """Whether readers may have all that will ever be in it."""
        return self.is_closed and self.readable_seq == self.last_seq

    def supersede(self) -> None:
        """Refuse what the writer writes from now on, and forget what no reader could have yet.

        Its readers get no more of it, and go on at the run's new owner once it is closed.
        """
        self.is_superseded = True
        for seq in range(max(self.first_seq, self.readable_seq + 1), self.last_seq + 1):
            self.size -= _weight(self._events.pop(seq))
            self._frames.pop(seq, None)
        self.last_seq = self.readable_seq
        if self.outcome is not None and self.outcome.seq > self.last_seq:
            self.outcome = None
        self.note_read()
        _wake(self._readers)  # a closed log is complete now

    def reopen(self, last_seq: int, epoch: int) -> None:
        """Go on after a pause.

        :param last_seq: the number of the last event before it, perhaps in another process.
        :param epoch: that of the writer from now on.
        """
        self.is_closed, self.outcome = False, None
        if epoch != self.epoch:
            self._enter_epoch(epoch)
        if last_seq != self.last_seq:
            self._forget_all(last_seq + 1)
            self.last_seq = self.readable_seq = last_seq

    def begin_epoch(self, epoch: int, last_seq: int | None = None) -> None:
        """Go on as the log of a new owner of the run.

        :param last_seq: the number to go on after; None: that of the last event.
        """
        if epoch != self.epoch:
            self._enter_epoch(epoch)
        if isinstance(self.outcome, RunPaused) or (self.outcome and self.outcome.seq < self.last_seq):
            self.outcome = None
        if last_seq is not None:
            self._forget_all(last_seq + 1)
            self.last_seq = self.readable_seq = last_seq

    def keep_place(self) -> None:
        """Keep what is written from now on for a first reader, until `give_up_place`."""
        self.give_up_place()
        self._first_reader = MemoryFollower(self, self.last_seq)
        self._followers.add(self._first_reader)

    def give_up_place(self) -> None:
        """Keep nothing for a first reader: it is here, or does not come."""
        if self._first_reader is not None:
            self._leave(self._first_reader)
            self._first_reader = None

    @contextmanager
    def follow(self, after: int = 0, max_unread: int = sys.maxsize) -> Iterator[MemoryFollower]:
        """Read the events after a number; leaving the block frees the log from waiting for this reader.

        :param max_unread: events that may wait for this reader before the writer does; by default, as many as
            fit.
        """
        follower = MemoryFollower(self, min(after, self.last_seq), max_unread)
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._leave(follower)

    async def wait(self, seen: int) -> None:
        """Wait until there is an event after a number, or the log has ended."""
        while self.last_seq <= seen and not self.is_closed:
            await self._next_event()

    async def readable(self) -> None:
        """Wait until readers may have all that is in it by now."""
        seq = self.last_seq
        while self.readable_seq < min(seq, self.last_seq):
            await self._next_event()

    async def closed(self) -> None:
        """Wait until the log has ended, whatever is written until then."""
        while not self.is_closed:
            await _turn(self._awaiting_end)

    def _next_event(self) -> Awaitable[None]:
        return _turn(self._readers)

    def event(self, seq: int) -> Event | None:
        """Return the event of a number; None: it is not here."""
        event = self._events.get(seq)
        if isinstance(event, str):
            event = self._events[seq] = Token(run_id=self.run_id, seq=seq, epoch=self.epoch, text=event)
        return event

    def readable_event(self, after: int) -> Event | None:
        """Return the first event after a number that is here; None: readers may have none yet."""
        seq = max(after + 1, self.first_seq)
        return self.event(seq) if seq <= self.readable_seq else None

    def piece(self, after: int, until: int) -> tuple[bytes, int]:
        """Encode the events after a number that fit in one piece; returns the last one's number, too.

        :param until: the number of the last event that may be in it.
        """
        parts, size = [], 0
        seq = max(after + 1, self.first_seq)
        while seq <= until and size < PIECE_BYTES and (event := self._events.get(seq)) is not None:
            frame = self._frames.get(seq) or self._encode(seq, event)
            parts.append(frame)
            size += len(frame)
            seq += 1
        return b"".join(parts), seq - 1

    def _encode(self, seq: int, event: Event | str) -> bytes:
        frame = encode_token(self.run_id, seq, self.epoch, event) if isinstance(event, str) else encode(event)
        self._frames[seq] = frame
        return frame

    def _enter_epoch(self, epoch: int) -> None:
        if epoch < self.epoch:
            raise StaleWriter(TAKEN_OVER)
        for seq in self._events:
            self.event(seq)  # of the epoch in which it was written
        self.epoch = epoch

    def _forget_all(self, seq: int) -> None:
        self._events.clear()
        self._frames.clear()
        self.first_seq, self.size = seq, 0

    def _drop_read(self) -> None:
        """Drop the oldest events where the log is too large, as far as all followers have read them."""
        slowest = min((each.seen for each in self._followers), default=self.last_seq)
        while self.size > self._limit and self.first_seq <= slowest and self.first_seq < self.last_seq:
            self.size -= _weight(self._events.pop(self.first_seq))
            self._frames.pop(self.first_seq, None)
            self.first_seq += 1

    def _leave(self, follower: MemoryFollower) -> None:
        self._followers.discard(follower)
        self.note_read()

    def note_read(self) -> None:
        """Let waiting writers see whether there is room."""
        if self._writers:
            _wake(self._writers)


class MemoryFollower:
    """One reader's place in a log in memory.

    :param seen: the number of the last event that was read.
    :param max_unread: events that may wait for this reader before the writer does.
    """

    __slots__ = ("_is_stopped", "_log", "max_unread", "seen")

    def __init__(self, log: MemoryLog, seen: int, max_unread: int = sys.maxsize) -> None:
        self.seen = seen
        self.max_unread = max_unread
        self._log = log
        self._is_stopped = False

    def __aiter__(self) -> Self:
        """Iterate from here."""
        return self

    async def __anext__(self) -> Event:
        """Return the next event, once it is there."""
        log = self._log
        while not self._is_stopped:
            if (event := log.readable_event(self.seen)) is not None:
                self.seen = event.seq
                log.note_read()
                return event
            if log.is_complete:
                break
            await log._next_event()  # noqa: SLF001 - a part of the log
        raise StopAsyncIteration

    async def frames(self) -> bytes:
        """Return all that is new, encoded, as much as fits in one piece; empty at the end of the log."""
        log = self._log
        while not self._is_stopped:
            piece, seen = log.piece(self.seen, log.readable_seq)
            if piece:
                self.seen = seen
                log.note_read()
                return piece
            if log.is_complete:
                break
            await log._next_event()  # noqa: SLF001 - a part of the log
        return b""

    def stop(self) -> None:
        """End the iteration."""
        self._is_stopped = True
        _wake(self._log._readers)  # noqa: SLF001 - a part of the log


async def _turn(waiting: list[asyncio.Future[None]]) -> None:
    """Wait in a row until it is woken."""
    future = asyncio.get_running_loop().create_future()
    waiting.append(future)
    await future


def _wake(waiting: list[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
    waiting.clear()


def _weight(event: Event | str) -> int:
    """Estimate the memory of an event, its encoded form included."""
    if isinstance(event, str):
        return EVENT_BYTES + 2 * len(event)
    if isinstance(event, TEXTS):
        return EVENT_BYTES + 2 * len(event.text)
    if isinstance(event, OUTPUTS):
        asked = event.output.required_input
        return EVENT_BYTES + CONTENT_BYTES + 4 * len(event.output.response) + sum(map(_input_weight, asked))
    if isinstance(event, NodeYielded):
        value = event.value
        return EVENT_BYTES + 2 * len(value if type(value) is str else to_json(value))
    if isinstance(event, InputRequired):
        return EVENT_BYTES + _input_weight(event.input)
    return EVENT_BYTES + CONTENT_BYTES


def _input_weight(asked: RequiredInput) -> int:
    return CONTENT_BYTES + 2 * len(to_json(asked.value))
