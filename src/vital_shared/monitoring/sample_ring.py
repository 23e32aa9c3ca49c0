"""The engine's own metrics of the last hours, for dashboards and alerts where there is no Prometheus.

Most series do not change from one scrape to the next, so each is kept as its changes alone.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from vital_shared.monitoring.snapshot import Snapshot

__all__ = ["SAMPLE_INTERVAL_SECONDS", "SampleRing", "SampleSet", "SampledSeries"]

SAMPLE_INTERVAL_SECONDS: Final = 10.0
"""Seconds from one scrape to the next: the shortest refresh of a dashboard."""

MAX_SCRAPES: Final = 2_160
"""Scrapes that are kept: six hours."""

MAX_CHANGES: Final = 2_000_000
"""Changes of series that are kept, of some 16 bytes each; beyond, the oldest quarter of the time goes."""

SCRAPES_BETWEEN_PRUNINGS: Final = 128

ABSENT: Final = math.nan
"""The change of a series that is no longer there."""


@dataclass(frozen=True, slots=True)
class SampledSeries:
    """The changes of one series."""

    name: str
    labels: Mapping[str, str]
    scrapes: Sequence[int]
    """The places of the changes in the set's times."""
    values: Sequence[float]
    """The values since then; not a number: the series is not there."""


@dataclass(frozen=True, slots=True)
class SampleSet:
    """Series, and the times at which they were read."""

    times: Sequence[int]
    """In milliseconds since 1970."""
    series: Sequence[SampledSeries]

    def dump(self) -> bytes:
        """Write it as JSON, in which a value that is not a number is null."""
        series = [[each.name, each.labels, list(each.scrapes), list(each.values)] for each in self.series]
        return orjson.dumps([list(self.times), series])

    @classmethod
    def load(cls, data: bytes) -> SampleSet:
        """Read what `dump` wrote."""
        times, series = orjson.loads(data)
        return cls(
            times, [SampledSeries(name, labels, at, _numbers(values)) for name, labels, at, values in series]
        )


def _numbers(values: Sequence[float | None]) -> Sequence[float]:
    return [ABSENT if value is None else value for value in values]


@dataclass(slots=True)
class _Track:
    """The changes of one series."""

    name: str
    labels: Mapping[str, str]
    scrapes: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, scrape: int, value: float) -> int:
        """Note a value where it is another one; return the number of changes."""
        if self.values and (self.values[-1] == value or (math.isnan(value) and math.isnan(self.values[-1]))):
            return 0
        self.scrapes.append(scrape)
        self.values.append(value)
        return 1

    def prune(self, oldest: int) -> int:
        """Drop what was before a scrape, but for the value that it began with; return the number dropped."""
        keep = max(0, sum(scrape <= oldest for scrape in self.scrapes) - 1)
        del self.scrapes[:keep], self.values[:keep]
        return keep

    @property
    def is_gone(self) -> bool:
        """Whether it has been absent in all of the time that is kept."""
        return len(self.values) == 1 and math.isnan(self.values[0])


class SampleRing:
    """The scrapes of the last hours.

    :param max_scrapes: number of scrapes that are kept.
    :param max_changes: number of changes that are kept.
    """

    def __init__(self, *, max_scrapes: int = MAX_SCRAPES, max_changes: int = MAX_CHANGES) -> None:
        self._max_scrapes = max_scrapes
        self._max_changes = max_changes
        self._times: deque[int] = deque()
        self._first = 0
        """The number of the oldest scrape that is kept."""
        self._changes = 0
        self._tracks: dict[str, _Track] = {}
        self._there: set[str] = set()

    def add(self, snapshot: Snapshot, at_ms: int) -> None:
        """Keep a scrape. It takes some milliseconds: run it in a thread, one at a time.

        :param at_ms: its time, later than that of the one before; otherwise it is left out.
        """
        if self._times and at_ms <= self._times[-1]:
            return
        scrape, there = self._first + len(self._times), set()
        for family in snapshot.values():
            for key, value in family.values.items():
                there.add(key)
                self._changes += self._track(key).add(scrape, value)
        for key in self._there - there:
            self._changes += self._tracks[key].add(scrape, ABSENT)
        self._there = there
        self._times.append(at_ms)
        self._drop()

    def select(self, names: Collection[str]) -> SampleSet:
        """Return the series of some names, those of samples: a histogram has three."""
        times, first = list(self._times), self._first
        return SampleSet(
            times,
            [
                _sampled(track, first, len(times))
                for track in list(self._tracks.values())
                if track.name in names
            ],
        )

    def _track(self, key: str) -> _Track:
        track = self._tracks.get(key)
        if track is None:
            name, labels = _series(key)
            track = self._tracks[key] = _Track(name, labels)
        return track

    def _drop(self) -> None:
        dropped = max(0, len(self._times) - self._max_scrapes)
        is_full = self._changes > self._max_changes
        if is_full:
            dropped = max(dropped, len(self._times) // 4)
        for _ in range(dropped):
            self._times.popleft()
        self._first += dropped
        if is_full or (dropped and self._first % SCRAPES_BETWEEN_PRUNINGS == 0):
            self._prune()

    def _prune(self) -> None:
        for key, track in list(self._tracks.items()):
            self._changes -= track.prune(self._first)
            if track.is_gone:
                del self._tracks[key]
                self._changes -= 1


def _series(key: str) -> tuple[str, Mapping[str, str]]:
    name, labels = orjson.loads(key)
    return name, labels


def _sampled(track: _Track, first: int, count: int) -> SampledSeries:
    """Return a series as it is in the scrapes that are kept, of which another one may be added meanwhile."""
    pairs: list[tuple[int, Any]] = [
        (max(0, scrape - first), value)
        for scrape, value in zip(track.scrapes, track.values, strict=False)
        if scrape - first < count
    ]
    latest = dict(pairs)  # of those before the first scrape, the last one counts
    return SampledSeries(track.name, track.labels, list(latest), list(latest.values()))
