"""Single flight: equal questions at the same time cost one run, and all requests see all of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from vital_shared.models.cancellation import REASONS
from vital_shared.models.event import Event, RunFailedEvent, RunFinished, RunPaused

__all__ = ["LEADERS", "End", "Flight", "Flights"]

LEADERS: Final = 2
"""Runs of a question, at most: after a failure one follower runs it again; then all get the failure."""

End: TypeAlias = Literal["answered", "failed", "cancelled", "paused"]


class Flight:
    """The event log of one run so far: no more than one answer's events."""

    def __init__(self, number: int) -> None:
        self.number = number
        """Number of earlier runs that have failed at this question."""
        self.outcome: RunFinished | RunFailedEvent | RunPaused | None = None
        self.is_over = False
        self.told: list[Event] = []
        """All but the outcome."""
        self._bell: asyncio.Event | None = None
        """Made by the first follower that waits: most runs have none."""

    @property
    def end(self) -> End:
        """The way it has ended, once it is over."""
        match self.outcome:
            case RunFinished():
                return "answered"
            case RunPaused():
                return "paused"
            case RunFailedEvent(error_type=kind) if kind not in REASONS:
                return "failed"
            case _:
                return "cancelled"

    def tell(self, event: Event) -> None:
        """Append an event of the run, and wake its followers."""
        if isinstance(event, RunFinished | RunFailedEvent | RunPaused):
            self.outcome = event
        else:
            self.told.append(event)
            self.ring()

    def land(self) -> None:
        """End it."""
        self.is_over = True
        self.ring()

    def ring(self) -> None:
        """Wake all followers."""
        if self._bell is not None:
            self._bell.set()
            self._bell = None

    async def news(self, seen: int) -> None:
        """Wait until there are more events than `seen`, or it is over, or the bell rings."""
        if seen >= len(self.told) and not self.is_over:
            if self._bell is None:
                self._bell = asyncio.Event()
            await self._bell.wait()

    async def follow(self, is_cancelled: asyncio.Event) -> AsyncGenerator[Event, None]:
        """Read the log, and go on live until it is over, or until the reader is cancelled (then ring)."""
        seen = 0
        while not is_cancelled.is_set():
            if seen < len(self.told):
                seen += 1
                yield self.told[seen - 1]
            elif self.is_over:
                return
            else:
                await self.news(seen)


@dataclass(slots=True)
class Flights:
    """The runs that others may follow, by what was asked."""

    under_way: dict[str, Flight] = field(default_factory=dict)

    def begin(self, key: str, number: int) -> Flight:
        """Begin one; there is none under this key."""
        flight = self.under_way[key] = Flight(number)
        return flight

    def find(self, key: str) -> Flight | None:
        """Return the one that is under way."""
        return self.under_way.get(key)

    def land(self, key: str) -> None:
        """End one: the next request begins another."""
        self.under_way.pop(key).land()
