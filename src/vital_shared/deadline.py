"""The deadline of the work at hand: set by the client and the run, kept by calls, sources and tools.

A call that would outlast its run only costs money. So what is asked of others gets the rest of the run's time
at most, less a reserve in which another model, or the composer, can still answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

__all__ = [
    "PREPARATION_SHARE",
    "Deadline",
    "call_seconds",
    "client_is_out_of_time",
    "current_deadline",
    "due_within",
    "preparation_deadline",
    "preparation_seconds",
    "run_deadline",
]

PREPARATION_SHARE: Final = 0.5
"""The share of the time left that one step before the answer may take: a search, or a tool."""

RESERVE_SHARE: Final = 0.1
MAX_RESERVE_SECONDS: Final = 1.0
"""The time that a model's call leaves for another answer: a tenth of what is left, a second at most."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment at which work is of no more use.

    :param seconds: the time that was allowed in all.
    :param clock: seconds, monotonic.
    :param of_client: whether a client has set it, and not the engine's own settings.
    """

    seconds: float
    at: float
    """The moment on the clock, in seconds."""
    clock: Callable[[], float] = time.monotonic
    of_client: bool = False

    @classmethod
    def after(
        cls, seconds: float, clock: Callable[[], float] = time.monotonic, *, of_client: bool = False
    ) -> Deadline:
        """Return the deadline that begins now."""
        return cls(seconds, clock() + seconds, clock, of_client)

    @property
    def remaining_seconds(self) -> float:
        """The time left, never below 0."""
        return max(0.0, self.at - self.clock())

    def sooner(self, share: float) -> Deadline:
        """Return the deadline that begins now and takes a share of the time left."""
        return Deadline.after(share * self.remaining_seconds, self.clock, of_client=self.of_client)


current_deadline: Final[ContextVar[Deadline | None]] = ContextVar("current_deadline", default=None)
"""The deadline of the work at hand; None: it may take any time. Tasks and threads inherit it."""


@contextmanager
def due_within(deadline: Deadline | None) -> Iterator[None]:
    """Set the deadline for the requests that begin within the block; None: they have none."""
    token = current_deadline.set(deadline)
    try:
        yield
    finally:
        current_deadline.reset(token)


def run_deadline(seconds: float) -> Deadline:
    """Return the deadline of a run that takes this long at most from now on; the client's, if sooner."""
    asked = current_deadline.get()
    return asked if asked is not None and asked.remaining_seconds < seconds else Deadline.after(seconds)


def client_is_out_of_time() -> bool:
    """Return whether a client's deadline leaves no time but that for another answer."""
    deadline = current_deadline.get()
    return deadline is not None and deadline.of_client and deadline.remaining_seconds <= MAX_RESERVE_SECONDS


def call_seconds(seconds: float) -> float:
    """Return the time for a model's call that takes this long at most, less that for another answer."""
    deadline = current_deadline.get()
    if deadline is None:
        return seconds
    left = deadline.remaining_seconds
    return min(seconds, left - min(MAX_RESERVE_SECONDS, RESERVE_SHARE * left))


def preparation_deadline() -> Deadline | None:
    """Return the deadline of a step before the answer that begins now; None: it may take any time."""
    deadline = current_deadline.get()
    return None if deadline is None else deadline.sooner(PREPARATION_SHARE)


def preparation_seconds(seconds: float) -> float:
    """Return the time for a step before the answer that takes this long at most."""
    deadline = current_deadline.get()
    return seconds if deadline is None else min(seconds, PREPARATION_SHARE * deadline.remaining_seconds)
