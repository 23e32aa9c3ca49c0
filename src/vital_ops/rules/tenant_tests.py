"""Tests of an alert on each tenant: the first requests of a new one count, and old ones never again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from vital_ops.promql import select
from vital_ops.rules.case import ENGINE, Case, Check, Phase, SeriesPhases, flat, lines
from vital_ops.rules.judged_tests import rising
from vital_ops.rules.outage_tests import STILL_ENGINE
from vital_ops.rules.recording import TENANT_ERROR_RATIO
from vital_ops.rules.shapes import on, tenant_errors
from vital_ops.rules.timing import Timing
from vital_ops.thresholds import Threshold
from vital_shared.monitoring.metrics import METRIC_SERIES_LIMIT, WORKFLOW_REQUESTS_TOTAL

__all__ = ["failing_tenant"]

LABELS: Final = {"tenant_id": "acme"}

FIRST, SECOND = "one:8000", "two:8000"

READS_SERIES: Final = on(select(METRIC_SERIES_LIMIT), FIRST)
"""A series that an engine always has: by it, a read of the engine is known."""

SHOWN_SERIES_LIMIT: Final = 20_000.0
"""The value of that series, in series; nothing reads it."""


def failing_tenant(at: Threshold) -> Iterator[Case]:
    """Make all cases."""
    yield from rising(at, tenant_errors, f'{TENANT_ERROR_RATIO}{{tenant_id="acme"}}', LABELS)
    yield from _Births(at, Timing.of(at)).cases()


def _series(outcome: str, mode: str = "4") -> str:
    return on(select(WORKFLOW_REQUESTS_TOTAL, mode=mode, tenant_id="acme", outcome=outcome), FIRST)


@dataclass(frozen=True, slots=True)
class _Births:
    """Series of a tenant that begin with what it has counted.

    A series is new for less than a window, so that what differs later than that cannot begin to fire.
    """

    at: Threshold
    timing: Timing

    @property
    def _born(self) -> float:
        """The minute of a new tenant's first samples."""
        return 1.5 * self.timing.window

    @property
    def _fires(self) -> float:
        """The minute at which what is there from the first samples on fires."""
        return self._born + self.timing.hold

    @property
    def _end(self) -> float:
        return 5 * self.timing.window

    @property
    def _many(self) -> float:
        """A new tenant's first requests, of which the limit is a whole number."""
        return 4.0 * self.at.least_events

    def _case(
        self,
        name: str,
        series: dict[str, SeriesPhases],
        checks: Sequence[Check],
        away: Sequence[Phase] = (),
    ) -> Case:
        """Read the second engine all the time, and the first one unless it is away."""
        here = tuple(away) or ((self._end, 1.0),)
        engines = {
            READS_SERIES: flat(
                *((minutes, None if up is None else SHOWN_SERIES_LIMIT) for minutes, up in here)
            ),
            READS_SERIES.replace(FIRST, SECOND): flat((self._end, SHOWN_SERIES_LIMIT)),
            ENGINE.replace(FIRST, SECOND): flat((self._end, 1)),
            STILL_ENGINE: flat((self._end, 0)),
        }
        up = flat(*((minutes, 0 if is_up is None else 1) for minutes, is_up in here))
        return Case(name, engines | series, checks, up, labels=LABELS)

    def _new(self, failed: float, answered: float) -> dict[str, SeriesPhases]:
        """Begin with a number of requests, which do not become more."""
        before, lasts = (self._born - self.timing.step, None), 2.5 * self.timing.window
        return {
            _series("failed"): flat(before, (lasts, failed)),
            _series("success"): flat(before, (lasts, answered / 2)),
            _series("degraded", mode="3"): flat(before, (lasts, answered / 2)),
            _series("cancelled"): flat(before, (lasts, 50 * failed)),
            _series("rejected"): flat(before, (lasts, 50 * failed)),
        }

    def _rising(self, outcome: str, rise: float, samples: int) -> dict[str, SeriesPhases]:
        """Begin at nothing, and rise by an amount each of some samples."""
        step = self.timing.step
        born = (self._born - step, None)
        growing = lines(born, (samples * step, rise / step), (1.5 * self.timing.window, 0))
        return {_series(outcome, mode="2"): growing}

    def cases(self) -> Iterator[Case]:
        """Make all cases."""
        yield from self._first_requests()
        yield from self._later_requests()
        yield from self._old_requests()
        yield from self._ended_series()

    def _first_requests(self) -> Iterator[Case]:
        """Let the first requests of a new tenant fail, or be answered."""
        window, step, least = self.timing.window, self.timing.step, self.at.least_events
        above = self.at.value * 1.1 * self._many
        yield self._case(
            "fires where a new tenant's first requests failed, for as long as they are in the window",
            self._new(above, self._many - above),
            [
                (self._fires, False),
                (self._fires + step, True),
                (self._born + window - 2 * step, True),
                (self._born + window + 2 * step, False),
            ],
        )
        yield self._case(
            "fires where a new tenant's first requests fail in an engine that has just begun",
            self._new(above, self._many - above),
            [(self._fires + 2 * step, True)],
            [(self._born - 4 * step, None), (self._end, 1)],
        )
        for does, part in (("does not fire", 0.95), ("fires", 1.0)):
            yield self._case(
                f"{does} where a new tenant's first requests were {part:.0%} of the least",
                self._new(part * least, 0),
                [(self._fires + 2 * step, part >= 1)],
            )

    def _later_requests(self) -> Iterator[Case]:
        """Let requests follow a new tenant's first ones."""
        window, hold, step = self.timing.window, self.timing.hold, self.timing.step
        many, limit = self._many, self.at.value
        yield self._case(
            "does not fire where a new tenant's first requests were answered, and others fail",
            self._new(0, many) | self._rising("failed", 1.5 * self.at.least_events * step / window, 20),
            [(self._fires + 2 * step, False), (self._born + window - 2 * step, False)],
        )
        even = many * limit / (1 - limit)
        # Three samples after its birth the failures outweigh the answers, for as long as all of them count.
        yield self._case(
            "fires where a new tenant's failures become more than its answers",
            self._new(even - 2.5, many) | self._rising("failed", 1, 4),
            [(self._born + hold + 2 * step, False), (self._born + hold + 3 * step, True)],
        )
        yield self._case(
            "goes on firing where answers follow a new tenant's failures, and are fewer",
            self._new(even + 9.5 * limit / (1 - limit), many) | self._rising("success", 1, 20),
            [(self._born + window - 2 * step, True)],
        )
        anew = 1.5 * self.at.least_events / 2
        yield self._case(
            "fires where an engine begins anew soon after a new tenant's first requests",
            {
                _series("failed"): flat(
                    (self._born - step, None),
                    (2 * step, many),
                    (step, 0),
                    (step, anew),
                    (2 * window, 2 * anew),
                )
            },
            [(self._born + window + 3 * step, True)],
        )

    def _old_requests(self) -> Iterator[Case]:
        """Show what failed long ago, and was not read until now."""
        window, hold, step = self.timing.window, self.timing.hold, self.timing.step
        old = 50.0 * self.at.least_events
        after = (hold, hold + 2 * step, window - step, window + hold)
        yield self._case(
            "does not fire for what was counted before Prometheus began",
            {_series("failed"): flat((self._end, old))},
            [(minutes, False) for minutes in after],
        )
        yield self._case(
            "does not fire for what was read before its engine's reads are known",
            {
                _series("failed"): flat((self._end, old)),
                READS_SERIES: flat((3 * step, None), (self._end, SHOWN_SERIES_LIMIT)),
            },
            [(minutes, False) for minutes in after],
        )
        yield self._case(
            "does not fire for what was counted before some samples were lost",
            {_series("failed"): flat((2 * window, old), (step, None), (2 * window, old))},
            [(2 * window + minutes, False) for minutes in (hold, hold + 2 * step, window - step)],
        )
        gone = window + step
        back = window + step + gone + step
        yield self._case(
            "does not fire for what an engine had counted when it was read again",
            {_series("failed"): flat((window, None), (gone, None), (2 * window, old))},
            [(back + minutes, False) for minutes in after],
            [(window, 1), (gone, None), (2 * window, 1)],
        )
        # The first engine is read when the second one's new failures are still in the window.
        read = self._born + 4 * step
        failed = _series("failed")
        yield self._case(
            "is over although an engine with old failures was read since",
            {
                failed: flat((read - step, None), (2 * window, old)),
                failed.replace(FIRST, SECOND): flat(
                    (self._born - step, None), (2 * window, 1.5 * self.at.least_events)
                ),
            },
            [(self._fires + step, True), (self._born + window + 2 * step, False)],
            [(read - step, None), (2 * window, 1)],
        )

    def _ended_series(self) -> Iterator[Case]:
        """Let a tenant be away, and come back to an engine that began anew."""
        window, hold, step = self.timing.window, self.timing.hold, self.timing.step
        there, gone = 2 * window, window - step
        born = there + gone + 2 * step
        before, lasts = (there + step + gone, None), 1.5 * window
        yield self._case(
            "fires where a tenant's series ended, and begin anew",
            {_series("failed"): flat((there, 1), (gone, None), (lasts, self.at.least_events * 1.5))},
            [
                (born + hold, False),
                (born + hold + step, True),
                (born + window - 2 * step, True),
                (born + window + 2 * step, False),
            ],
        )
        yield self._case(
            "does not fire where a tenant's series ended, and most begin with answers",
            {
                _series("failed"): flat((there, 1), (gone, None), (lasts, 0.8 * self.at.value * self._many)),
                _series("success"): flat(before, (lasts, (1 - 0.8 * self.at.value) * self._many)),
            },
            [(born + hold + 2 * step, False), (born + window - 2 * step, False)],
        )
