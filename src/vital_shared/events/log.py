"""The event log of one run: written once, and read by any number of readers, each from any point."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol, Self, TypeAlias

from vital_shared.errors import VitalError
from vital_shared.models.event import Event, Outcome

__all__ = [
    "EventLog",
    "Follower",
    "LogLost",
    "LogUnavailable",
    "LogUnreadable",
    "PeerLog",
    "RunState",
    "StaleWriter",
]

RunState: TypeAlias = Literal["live", "paused", "ended", "lost"]
"""The state of a run, as its log knows it; a lost one has lost its worker before its end."""


class LogLost(VitalError):
    """The writer of a log is gone before its end, or the log cannot be reached."""


class LogUnavailable(VitalError):
    """The Redis with the logs of other processes does not answer."""


class LogUnreadable(LogUnavailable):
    """A value in Redis is larger than anything that a log has."""


class StaleWriter(VitalError):
    """Another worker has taken the run over, so this one may write no more."""


class Follower(Protocol):
    """One reader's place in a log: an asynchronous iterator of its events."""

    seen: int
    """The number of the last event that was read."""

    def __aiter__(self) -> Self:
        """Iterate from here."""
        ...

    async def __anext__(self) -> Event:
        """Return the next event, once it is there; the iteration stops at the end of the log.

        :raises LogLost: when the end cannot come any more.
        """
        ...

    async def frames(self) -> bytes:
        """Return all that is new, encoded, as much as fits in one piece; empty at the end of the log.

        :raises LogLost: when the end cannot come any more.
        """
        ...

    def stop(self) -> None:
        """End the iteration."""
        ...


class PeerFollower(Follower, Protocol):
    """One reader's place in a log of another process."""

    outcome: Outcome | None
    """The end of the run, once it was read as an event."""


class PeerLog(Protocol):
    """The log of a run of another process."""

    @property
    def run_id(self) -> str:
        """The run."""
        ...

    @property
    def tenant_id(self) -> str:
        """The owner of the run."""
        ...

    @property
    def worker(self) -> str:
        """The id of the worker that writes it."""
        ...

    @property
    def state(self) -> RunState:
        """The state when it was found."""
        ...

    @property
    def first_seq(self) -> int:
        """The number of the first event."""
        ...

    @property
    def last_seq(self) -> int:
        """The number of the last event when it was found; readers see those that come."""
        ...

    def has_after(self, seq: int) -> bool:
        """Return whether there is an event after a number, or may come."""
        ...

    def follow(self, after: int = 0, *, counts: bool = True) -> AbstractContextManager[PeerFollower]:
        """Read the events after a number.

        :param counts: whether the run goes on for this reader's sake.
        """
        ...


class EventLog(Protocol):
    """The events of a run, in their order, without gaps.

    Its memory is bounded: when it is full, the oldest events are dropped, but not before all followers have
    read them. A reader that comes after an event was dropped begins with the oldest that is there; the last
    event holds the whole answer anyway.
    """

    run_id: str
    last_seq: int
    """The number of the last event; 0 where there is none."""
    outcome: Outcome | None
    """The run's end, or its pause, as far as that is known here."""
    is_closed: bool
    """Whether no more events will come."""

    def append(self, event: Event) -> None:
        """Add an event without waiting.

        :raises StaleWriter: when the event's epoch is over.
        """
        ...

    async def room(self) -> None:
        """Wait until there is room for an event: a slow reader slows the writer down."""
        ...

    def follow(self, after: int = 0) -> AbstractContextManager[Follower]:
        """Read the events after a number, those that are there and those to come."""
        ...

    def close(self) -> None:
        """End the log; the followers read what is left."""
        ...
