"""Single flight: identical requests at the same time cost one run, whose log all of them follow."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from vital_shared.events.memory import MemoryLog
from vital_shared.models.cancellation import REASONS
from vital_shared.models.event import Outcome, RunFailedEvent, RunFinished, RunPaused

__all__ = ["MAX_FAILED_RUNS", "Flight", "FlightEnd", "Flights"]

MAX_FAILED_RUNS: Final = 2
"""After a failure one follower runs the request again; when that fails too, all get the failure."""

FlightEnd: TypeAlias = Literal["answered", "failed", "cancelled", "paused"]


class Flight:
    """A run that identical requests follow.

    :param log: the log of its leader.
    :param failures: the number of earlier runs that have failed.
    """

    def __init__(self, log: MemoryLog, failures: int = 0) -> None:
        self.log = log
        self.failures = failures
        self.outcome: Outcome | None = None
        """The end of the run; None where it goes on, or was lost."""
        self.successor: Flight | None = None
        """The run that has taken over, once there is one."""

    @property
    def latest(self) -> Flight:
        """The last run of the same leader, whose log its followers read on."""
        flight = self
        while flight.successor is not None and flight.successor.log is self.log:
            flight = flight.successor
        return flight

    @property
    def end(self) -> FlightEnd:
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


class Flights:
    """The runs that others may follow, by the key of identical requests."""

    def __init__(self) -> None:
        self.under_way: dict[str, Flight] = {}

    def find(self, key: str) -> Flight | None:
        """Return the one that is under way."""
        return self.under_way.get(key)

    def begin(self, key: str, log: MemoryLog, after: Flight | None = None) -> Flight:
        """Begin one; there is none under this key.

        :param after: the run that it takes over from.
        """
        failures = 0 if after is None else after.failures + (after.end == "failed")
        flight = self.under_way[key] = Flight(log, failures)
        if after is not None:
            after.successor = flight
        return flight

    def after(self, key: str, flight: Flight) -> Flight | None:
        """Return the run that has taken over from one that is over; None: there is none yet.

        A follower that learns late of a failure finds it here, although it may be over as well.
        """
        if flight.successor is None:
            flight.successor = self.find(key)
        return flight.successor

    def end(self, key: str, flight: Flight) -> None:
        """End one: the next request begins another."""
        if self.under_way.get(key) is flight:
            del self.under_way[key]
