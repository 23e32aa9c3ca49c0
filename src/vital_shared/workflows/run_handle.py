"""The common face of what answers a request."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from vital_shared.errors import RunFailed
from vital_shared.models.cancellation import CancelReason
from vital_shared.models.event import Event

__all__ = ["RunHandle"]


class RunHandle(Protocol):
    """A run, another request's identical run, or an answer from the cache."""

    error: RunFailed | None
    """The reason why there is no answer, once that is known."""

    @property
    def run_id(self) -> str:
        """The run's id."""
        ...

    def events(self) -> AsyncGenerator[Event, None]:
        """Run it; the last event is its end."""
        ...

    def cancel(self, reason: CancelReason = ...) -> None:
        """End it early, so that its last event gives the reason."""
        ...
