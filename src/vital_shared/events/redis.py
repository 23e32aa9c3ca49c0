"""The event log of a run over Redis streams: written by one process from its memory, and read by the others.

The writer's process reads memory. What is new goes into a Redis stream in batches; the id of an entry is the
number of its last event, so a batch that is written twice is there once, and a reader goes on from its number
although the stream was lost and filled again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Self, cast

from vital_shared.events.encoding import decode, frames_after
from vital_shared.events.log import LogLost, LogUnavailable, LogUnreadable, RunState
from vital_shared.events.odd_value import note_odd_value
from vital_shared.events.redis_link import EventKeys, RedisLink
from vital_shared.models.event import OUTCOMES, Event, EventAdapter, Outcome

__all__ = ["END", "FRAMES", "RedisFollower", "RemoteLog"]
FRAMES: Final = b"frames"
END: Final = b"end"
"""The field of an entry that ends the log, or its part before a pause."""

BLOCK_MILLISECONDS: Final = 100
"""The time for which Redis waits for new events before it answers that there are none."""

MAX_ENTRIES_PER_READ: Final = 100

WATCH_SECONDS: Final = 1.0
"""The time between two looks for the writer's sign of life."""

LOST_SECONDS: Final = 2.5
"""Seconds without Redis, or without a sign of the writer, after which a log is lost."""

RETRY_SECONDS: Final = 0.2

READER_MILLISECONDS: Final = 5_000
"""The time for which a reader's mark lasts."""


@dataclass(slots=True)
class RemoteLog:
    """The log of a run that another process writes, or has written."""

    link: RedisLink
    run_id: str
    tenant_id: str = ""
    worker: str = ""
    """The worker that writes it."""
    state: RunState = "live"
    first_seq: int = 1
    last_seq: int = 0
    """The number of the last event when it was found; readers see what comes."""

    def has_after(self, seq: int) -> bool:
        """Return whether there is an event after a number, or may come."""
        return self.state in ("live", "lost") or self.last_seq > seq

    @contextmanager
    def follow(self, after: int = 0, *, counts: bool = True) -> Iterator[RedisFollower]:
        """Read the events after a number.

        :param counts: whether the run goes on for this reader's sake.
        """
        yield RedisFollower(self.link, self.run_id, after, counts=counts)


class RedisFollower:
    """One reader's place in a log in Redis.

    :param seen: the number of the last event that was read.
    :param counts: whether the run goes on for this reader's sake.
    """

    def __init__(self, link: RedisLink, run_id: str, seen: int, *, counts: bool) -> None:
        self.seen = seen
        self.outcome: Outcome | None = None
        """The end of the run, once it was read as an event."""
        self._link = link
        self._run_id = run_id
        self._counts = counts
        self._events: deque[Event] = deque()
        self._is_stopped = self._is_over = False
        self._time = asyncio.get_running_loop().time
        self._alive_at = self._time()
        """The time of the last sign of the writer."""
        self._watched_at = 0.0

    def __aiter__(self) -> Self:
        """Iterate from here."""
        return self

    async def __anext__(self) -> Event:
        """Return the next event, once it is there.

        :raises LogLost: when the writer is gone, or Redis is.
        """
        while not self._events:
            piece = await self.frames()
            if not piece:
                raise StopAsyncIteration
            try:
                for _, fields in decode(piece):
                    self._events.append(EventAdapter.validate_python(fields, strict=False))
            except ValueError as error:
                note_odd_value("event_log", type(error).__name__, run_id=self._run_id)
                raise LogLost("The log of the run cannot be read: Redis has something else there.") from error
        event = self._events.popleft()
        if event.type in OUTCOMES:
            self.outcome = cast("Outcome", event)
        return event

    async def frames(self) -> bytes:
        """Return all that is new, encoded; empty at the end of the log.

        :raises LogLost: when the writer is gone, or Redis is.
        """
        while not (self._is_stopped or self._is_over):
            try:
                await self._watch()
                entries = await self._read()
            except LogUnreadable as error:  # it stays so: the next attempt would read it again
                raise LogLost("The log of the run cannot be read: Redis has something else there.") from error
            except LogUnavailable as error:
                if self._time() - self._alive_at > LOST_SECONDS:
                    raise LogLost("The log of the run cannot be read: Redis does not answer.") from error
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if piece := self._take(entries):
                return piece
        return b""

    def stop(self) -> None:
        """End the iteration, within a moment."""
        self._is_stopped = True

    async def _read(self) -> list[tuple[bytes, dict[bytes, bytes]]]:
        name = EventKeys.stream(self._run_id)
        found: Any = await self._link.within(
            self._link.redis.xread(
                {name: f"{self.seen}-0"}, count=MAX_ENTRIES_PER_READ, block=BLOCK_MILLISECONDS
            )
        )
        return _entries(found)

    def _take(self, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> bytes:
        """Take what is new in entries of the stream."""
        parts = []
        for number, fields in entries:
            self._is_over = END in fields
            if frames := fields.get(FRAMES, b""):
                parts.append(frames_after(frames, self.seen))
            if not self._is_over:  # also where it is no entry of ours: else it would be read again at once
                self.seen = max(self.seen, int(number.split(b"-")[0]))
        return b"".join(parts)

    async def _watch(self) -> None:
        """Look for a sign of the writer, and leave one of this reader, now and then.

        :raises LogLost: when there was none for too long.
        """
        now = self._time()
        if now - self._watched_at < WATCH_SECONDS:
            return
        redis = self._link.redis
        if self._counts:
            mark = redis.set(EventKeys.reader(self._run_id), b"1", px=READER_MILLISECONDS)
            await self._link.within(cast("Any", mark))
        worker = await self._link.within(cast("Any", redis.hget(EventKeys.run(self._run_id), "worker")))
        if worker and await self._link.within(
            redis.exists(EventKeys.worker(worker.decode(errors="replace")))
        ):
            self._alive_at = now
        elif now - self._alive_at > LOST_SECONDS and not await self._has_more():
            raise LogLost("The worker that has the run is gone.")
        self._watched_at = now

    async def _has_more(self) -> bool:
        """Return whether a dead writer has left events that were not read."""
        name = EventKeys.stream(self._run_id)
        found: Any = await self._link.within(self._link.redis.xread({name: f"{self.seen}-0"}, count=1))
        return bool(found)


def _entries(found: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Take the entries of the one stream that was asked for, as RESP 2 or RESP 3 has them."""
    if not found:
        return []
    if isinstance(found, dict):
        ((entries,),) = found.values()
        return list(entries)
    ((_, entries),) = found
    return list(entries)
