"""A delivery to a stand-in."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

__all__ = ["Delivery", "Inbox", "Place", "Status", "status_of"]

Place = Literal["slack", "pagerduty", "email"]
"""The kind of place that a notification was delivered to."""

Status = Literal["firing", "resolved"]

MAX_DELIVERIES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification that has come."""

    place: Place
    address: str
    """The address of the channel: a path with its secret, a routing key, or where mail goes."""
    status: Status
    title: str
    message: Any = field(repr=False)
    """All of it: JSON that was read, or the text of a mail."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Inbox:
    """The deliveries to all stand-ins, the oldest first; the newest 10,000 are kept."""

    def __init__(self) -> None:
        self.deliveries: deque[Delivery] = deque(maxlen=MAX_DELIVERIES)
        self._news = asyncio.Event()

    def put(self, delivery: Delivery) -> None:
        """Keep a delivery, and wake those that wait for one."""
        self.deliveries.append(delivery)
        self._news.set()
        self._news = asyncio.Event()

    async def wait_for(self, wanted: Callable[[Delivery], bool]) -> Delivery:
        """Return the first delivery that is wanted, as soon as it is there."""
        while True:
            found = next(filter(wanted, self.deliveries), None)
            if found is not None:
                return found
            await self._news.wait()


def status_of(title: str) -> Status:
    """Read from a title, such as ``[RESOLVED] HighErrorRate``, whether the alert is over."""
    return "resolved" if "[RESOLVED]" in title.upper() else "firing"
