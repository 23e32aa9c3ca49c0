"""Tests of an objective's alert exactly at its limits, without traffic, and with traffic that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from vital_ops.rules.case import Case
from vital_ops.rules.judged_tests import Fault

__all__ = ["BurnLimits"]

EXACT: Final = 900_000.0
"""Events a minute, of which a share is exact in whatever order Prometheus adds up."""

MAX_EXACT_WINDOW_MINUTES: Final = 360.0
"""Minutes of the longest window whose share can be exact: over a day, Prometheus rounds sums up."""

EXACT_SAMPLES: Final = 32
"""Samples in the longer window: two or more in the shorter, and a power of two, so that sums are exact."""

BUSY: Final = 60.0
"""Events a minute."""

BURST_MINUTES: Final = 30.0

MORE: Final = 6
"""The factor by which traffic grows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnLimits:
    """The spans of two windows and their alert, in minutes, and their limits."""

    case: Callable[..., Case]
    long: float
    short: float
    limit: float
    """The share of bad events that both windows exceed."""
    hold: float
    every: float
    """Minutes between evaluations."""
    least_events: float
    good_minutes: float
    """Length of a burst of good events, which keeps another pair of windows quiet."""
    good_factor: float
    """Its events, in terms of those that follow."""
    recorded: Sequence[str]
    """The series that have both windows' shares."""

    @property
    def full(self) -> float:
        """A full window and what follows, and a little more."""
        return self.long + self.hold + 4 * self.every

    def cases(self) -> Iterator[Case]:
        """Make all cases."""
        yield from self._shares()
        yield from self._numbers()
        yield from self._grown()
        end = 2 * self.full - self.every
        idle = self.case(
            "has no value without traffic",
            *((self.full, BUSY, 0.0), (self.full, 0.0, 0.0)),
            checks=[(end, False)],
        )
        yield replace(idle, unrecorded=[(end, series) for series in self.recorded])

    def _after_good(self, name: str, events: float, *phases: Fault, fires: bool) -> Case:
        """Check the end of what follows a burst of good events, where the last samples are.

        :param events: a minute, by which the phases' are multiplied.
        """
        lead: list[Fault] = [(self.good_minutes, self.good_factor, 0.0)] if self.good_minutes else []
        every = [(minutes, part * events, share) for minutes, part, share in (*lead, *phases)]
        end = sum(minutes for minutes, *_ in every)
        return self.case(name, *every, checks=[(end - self.every, fires)])

    def _shares(self) -> Iterator[Case]:
        """Stay at a limit, with numbers of which neither Prometheus 2 nor 3 makes another by rounding."""
        if self.long > MAX_EXACT_WINDOW_MINUTES:
            return
        part, much = 2 * self.short, 1.25 * self.limit
        little = (self.limit * self.long - much * part) / (self.long - part)
        yield self._after_good(
            "does not fire when the long window is at the limit itself",
            EXACT,
            *((self.full, 1, little), (part, 1, much), (self.long - part, 1, little), (part, 1, much)),
            fires=False,
        )
        yield self._after_good(
            "is over when the short window is at the limit itself",
            EXACT,
            *((self.full, 1, min(2 * self.limit, 1.0)), (part + self.hold, 1, self.limit)),
            fires=False,
        )

    def _numbers(self) -> Iterator[Case]:
        few, step = self.least_events / self.long, self.long / EXACT_SAMPLES
        lasts = self.long + self.hold + 6 * step
        least = self._after_good("fires on the least traffic itself", few, (lasts, 1, 1.0), fires=True)
        yield replace(least, every=step, is_exact=True)
        if self.long <= MAX_EXACT_WINDOW_MINUTES:
            enough = 0.56 * self.long
            yield self.case(
                "fires as soon as there is just enough traffic",
                (self.long, self.least_events / enough, 1.0),
                checks=[(enough - 2 * self.every, False), (enough + self.hold + 2 * self.every, True)],
            )
        yield self._after_good(
            "does not fire on too little traffic after much",
            few,
            *((BURST_MINUTES, EXACT, 0.0), (self.long + 2 * self.every, 0, 0.0), (0.7 * self.long, 1, 1.0)),
            fires=False,
        )

    def _grown(self) -> Iterator[Case]:
        """Let both sides of a share need the same window, since traffic has just grown."""
        part, below = 2 * self.short + self.hold, 0.98 * self.limit
        rest, much = self.long - part, min(1.4 * self.limit, 1.0)
        little = (below * (rest + MORE * part) - much * MORE * part) / rest
        yield self._after_good(
            "does not fire when the long window is just within and traffic has grown",
            BUSY,
            *((self.full, 1, little), (part, MORE, much)),
            fires=False,
        )
        lately = self.short + self.hold + 2 * self.every
        yield self._after_good(
            "is over when the short window is just within and traffic has grown",
            BUSY,
            *((self.full, 1, min(2 * self.limit, 1.0)), (lately, 1, below), (0.8 * self.short, MORE, below)),
            fires=False,
        )
