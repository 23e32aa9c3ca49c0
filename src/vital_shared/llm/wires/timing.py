"""Timeouts of a model's call, and their detection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from vital_shared.deadline import call_seconds

__all__ = ["CallEnd", "Silence", "StreamDeadline", "Timeouts"]

LOOK_AGAIN: Final = 0.05
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """All in seconds."""

    connect: float = 5.0
    """Until there is a connection: a free one of the pool, or a new one."""
    first_token: float = 30.0
    """Seconds from then until the first piece of the answer."""
    between_tokens: float = 20.0
    """Seconds from one piece of the answer to the next; a provider's pings do not count."""
    total: float = 180.0
    """Seconds for the whole call, retries included."""


class CallEnd(NamedTuple):
    """The end of a whole call, retries included."""

    at: float
    """The moment on the loop's clock, in seconds."""
    seconds: float
    """The time that was allowed."""

    @classmethod
    def within(cls, seconds: float) -> CallEnd:
        """Return the end of a call that begins now."""
        return cls(asyncio.get_running_loop().time() + seconds, seconds)

    @classmethod
    def of(cls, timeouts: Timeouts) -> CallEnd:
        """Return the end of a call that begins now, and leaves its run the time for another answer."""
        return cls.within(call_seconds(timeouts.total))


class Silence(Exception):
    """Nothing has come in time."""


class StreamDeadline:
    """A watchdog that wakes the reader of a stream when its deadline has passed.

    A timeout around each read would cost as much as all else that is done for a chunk. Moving this one's
    deadline costs nothing: the timer looks, when it fires, whether it has moved. It wakes only the reader,
    and never a slow consumer at work between two reads. Where this process has stood still, the timer fires
    before what has come meanwhile is read, so a deadline that has passed is looked at once more.

    :param expire: called when the deadline has passed; makes the pending read raise.
    """

    __slots__ = ("_armed", "_deadline", "_expire", "_has_passed", "_loop", "_timer", "reading")

    def __init__(self, expire: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._expire = expire
        self._timer: asyncio.TimerHandle | None = None
        self._armed = self._deadline = 0.0
        self._has_passed = False
        """Whether the deadline had passed at the last look."""
        self.reading = False
        """Whether somebody waits just now."""

    def move(self, deadline: float) -> None:
        """Begin to watch, or set another deadline, by the loop's clock."""
        self._deadline = deadline
        if self._timer is None or deadline < self._armed:
            self._arm(deadline)

    def stop(self) -> None:
        """End it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, when: float) -> None:
        self.stop()
        self._armed = when
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        if now < self._deadline:
            self._has_passed = False
            self._arm(self._deadline)
        elif self.reading and self._has_passed:
            self._expire()
        else:  # the consumer is busy, or has not read yet what has come: that shows with the next look
            self._has_passed = self.reading
            self._arm(now + LOOK_AGAIN)
