"""How long a call of a model may take, and noticing that it takes longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Silence", "Timeouts", "Watch"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """All in seconds."""

    connect: float = 5.0
    """Until there is a connection: a free one of the pool, or a new one."""
    first_token: float = 30.0
    """From then until the first piece of the answer."""
    between_tokens: float = 20.0
    """From one piece of the answer to the next; a provider's pings do not count."""
    total: float = 180.0
    """For the whole call, retries included."""


class Silence(Exception):
    """Nothing has come in time."""


class Watch:
    """Wakes whoever waits for a stream when its deadline has passed.

    A timeout around each read would cost as much as all else that is done for a chunk. Moving this one's
    deadline costs nothing: the timer looks, when it fires, whether it has moved. It wakes only who reads,
    and never a slow consumer at work between two reads.

    :param expire: called when the deadline has passed; makes the pending read raise.
    """

    __slots__ = ("_expire", "_loop", "_timer", "deadline", "reading")

    def __init__(self, expire: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._expire = expire
        self._timer: asyncio.TimerHandle | None = None
        self.deadline = 0.0
        """By the loop's clock."""
        self.reading = False
        """Whether somebody waits just now."""

    def start(self, deadline: float) -> None:
        """Begin to watch."""
        self.deadline = deadline
        self._timer = self._loop.call_at(deadline, self._look)

    def stop(self) -> None:
        """End it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now = self._loop.time()
        if now < self.deadline:
            self._timer = self._loop.call_at(self.deadline, self._look)
        elif self.reading:
            self._expire()
        else:  # the consumer is busy: whether the provider is late shows when it reads again
            self._timer = self._loop.call_at(now + 0.05, self._look)
