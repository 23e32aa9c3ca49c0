"""The time for which this process could not write to the store, as long as others may have to catch up.

Deadlines and reservations are times of the clock, which goes on while a store stands still. What a run has
cost meanwhile waits in its process, and is written some seconds after the store is back. Until then, nobody
may call the run lost, and what it has reserved counts: an outage is no time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

__all__ = ["Outage"]

REMEMBERED_SECONDS: Final = 60.0
"""The time after an outage in which all processes write what has waited."""


MERGED_SECONDS: Final = 1.0
"""The time between two failures that belong to one outage, though a write has succeeded between them."""


@dataclass(slots=True)
class _Span:
    began: float
    over_at: float | None = None


class Outage:
    """The outages that this process has seen lately.

    :param clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_write = clock()
        self._spans: deque[_Span] = deque()

    def note_write(self) -> None:
        """Note that the store has taken a write."""
        self._last_write = self._clock()
        if self._spans and self._spans[-1].over_at is None:
            self._spans[-1].over_at = self._last_write

    def note_failure(self) -> None:
        """Note that the store is away: since the last write, for all that is known."""
        last = self._spans[-1] if self._spans else None
        if last is None or (last.over_at is not None and self._clock() - last.over_at > MERGED_SECONDS):
            self._spans.append(_Span(self._last_write))
        else:
            last.over_at = None

    def recent(self) -> timedelta:
        """Return the time since the beginning of an outage that goes on, or is over for some seconds."""
        now = self._clock()
        while self._spans and self._is_old(self._spans[0], now):
            self._spans.popleft()
        return timedelta(seconds=now - self._spans[0].began) if self._spans else timedelta()

    @staticmethod
    def _is_old(span: _Span, now: float) -> bool:
        return span.over_at is not None and now - span.over_at >= REMEMBERED_SECONDS
