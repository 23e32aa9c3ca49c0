"""Declarations of metrics: name, help, labels, and for gauges how workers merge.

>>> REQUESTS_TOTAL = Counter("vital_requests_total", "Requests.", (MODE,))
>>> REQUESTS_TOTAL.labels("1").inc()

The collectors of prometheus_client would do the same, in three times the time; these are collectors of its
registry, and it writes them out.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from threading import Lock
from typing import ClassVar, Generic, Literal, Protocol, TypeAlias, TypeVar

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from vital_shared.monitoring.labels import BoundedLabel, DeclaredLabel, Label
from vital_shared.monitoring.series import CounterSeries, GaugeSeries, HistogramSeries

__all__ = ["Counter", "Gauge", "Histogram", "Info", "Instrument", "Merge"]

Merge: TypeAlias = Literal["sum", "max", "min", "one"]
"""The way the values of several workers become one; "one": it is the same in all workers."""


class _Series(Protocol):
    @property
    def counted(self) -> float: ...

    def samples(self) -> Iterator[Sample]: ...


S = TypeVar("S", bound=_Series)


class Instrument(Collector, Generic[S]):
    """A metric.

    What is known exists from the start, at 0, so that a rate sees the first event: all series of closed
    labels, and of counters those of each value that a bounded label has given a name.

    :param name: as it is shown.
    :param help: its meaning, in one sentence.
    :param labels: in the order in which `labels` takes their values.
    """

    kind: ClassVar[str]
    creates_with_names: bool = False
    """Whether a value that a bounded label has given a name gets its series at once."""

    def __init__(self, name: str, help: str, labels: Sequence[Label] = ()) -> None:  # noqa: A002 - Prometheus' name
        self.name = name
        self.help = help
        self.label_set = tuple(labels)
        self._lock = Lock()
        self._series: dict[tuple[str, ...], S] = {}
        bounded = [label for label in labels if isinstance(label, BoundedLabel)]
        if not bounded or self.creates_with_names:
            self._create(self.label_set)
            for label in labels:
                if isinstance(label, DeclaredLabel):
                    label.on_declared(self._create_with)
        for label in bounded:
            label.on_released(self._drop)
            if self.creates_with_names:
                label.on_admitted(self._create_with)

    @property
    def family(self) -> str:
        """The name without what its type adds to it, as OpenMetrics has it."""
        return self.name

    def labels(self, *values: str) -> S:
        """Return the series of these label values, in the declared order; it can be kept.

        :raises ValueError: when a value is none of a closed set, or there are too many or too few.
        """
        found = self._series.get(values)
        return self._named(values) if found is None else found

    @property
    def most_series(self) -> int:
        """The maximum number of its lines in `/metrics`."""
        return prod(label.most for label in self.label_set) * self._samples_each

    @property
    def _samples_each(self) -> int:
        return 1

    @property
    def _is_full(self) -> bool:
        """Whether there is no room for another series."""
        return False

    def counted_by(self, label: Label) -> dict[str, float]:
        """Return what was counted under each value of a label, in no unit: to see whether it grows."""
        position, counted = self.label_set.index(label), dict[str, float]()
        for values, series in list(self._series.items()):
            counted[values[position]] = counted.get(values[position], 0) + series.counted
        return counted

    @property
    def series(self) -> list[S]:
        """All series that exist."""
        return list(self._series.values())

    def collect(self) -> list[Metric]:
        """Show all series."""
        metric = self._empty()
        for series in self.series:
            metric.samples.extend(series.samples())
        return [metric]

    def forget(self) -> None:
        """Drop the series of forgotten names, and those that were not there at first; for tests."""
        bounded = [
            (place, label) for place, label in enumerate(self.label_set) if isinstance(label, BoundedLabel)
        ]
        if bounded and not self.creates_with_names:
            self._series.clear()
        elif bounded:
            for values in list(self._series):
                if not all(values[place] in label for place, label in bounded):
                    del self._series[values]

    def describe(self) -> list[Metric]:
        """Return the names that are taken, for the registry."""
        return [self._empty()]

    def _empty(self) -> Metric:
        return Metric(self.family, self.help, self.kind)

    def _named(self, values: Sequence[str]) -> S:
        if len(values) != len(self.label_set):
            raise ValueError(f"{self.name} has {len(self.label_set)} labels, and not {len(values)}.")
        names = tuple(label.name_of(value) for label, value in zip(self.label_set, values, strict=True))
        with self._lock:
            found = self._series.get(names)
            if found is None:
                found = self._make(dict(zip((label.name for label in self.label_set), names, strict=True)))
                if not self._is_full:
                    self._series[names] = found
            return found

    def _create(self, labels: Sequence[Label]) -> None:
        for values in product(*(label.values for label in labels)):
            self._named(values)

    def _create_with(self, grown: Label, value: str) -> None:
        self._create([Label(label.name, (value,)) if label is grown else label for label in self.label_set])

    def _drop(self, bounded: BoundedLabel, value: str) -> None:
        position = self.label_set.index(bounded)
        with self._lock:
            for values in [each for each in self._series if each[position] == value]:
                del self._series[values]

    @abstractmethod
    def _make(self, labels: Mapping[str, str]) -> S: ...


class Counter(Instrument[CounterSeries]):
    """A number that only grows.

    :param parts_per_unit: the parts of the unit that are counted: money is counted in whole nano-dollars, so
        that no sum is rounded.
    """

    kind = "counter"
    creates_with_names = True

    def __init__(
        self,
        name: str,
        help: str,  # noqa: A002 - Prometheus' name
        labels: Sequence[Label] = (),
        *,
        parts_per_unit: int = 1,
    ) -> None:
        self._parts = parts_per_unit
        super().__init__(name, help, labels)

    @property
    def family(self) -> str:
        """The name without ``_total``."""
        return self.name.removesuffix("_total")

    def _make(self, labels: Mapping[str, str]) -> CounterSeries:
        return CounterSeries(self.name, labels, self._parts)


class Gauge(Instrument[GaugeSeries]):
    """A number that goes up and down.

    :param merge: the way the values of several workers become one.
    :param shared: values of its labels under which all workers report the same, whatever `merge` is.
    :param creates_with_names: whether a value that has a name is shown at 0 before it is set.
    :param max_series: the most series, where those that are set are fewer than its labels allow; what is set
        beyond them is not shown.
    """

    kind = "gauge"

    def __init__(
        self,
        name: str,
        help: str,  # noqa: A002 - Prometheus' name
        labels: Sequence[Label] = (),
        *,
        merge: Merge,
        shared: Sequence[str] = (),
        creates_with_names: bool = False,
        max_series: int | None = None,
    ) -> None:
        self.max_series = max_series
        self.creates_with_names = creates_with_names
        self.merge = merge
        self.shared = frozenset(shared)
        super().__init__(name, help, labels)

    @property
    def most_series(self) -> int:
        """The maximum number of its lines in `/metrics`."""
        allowed = super().most_series
        return allowed if self.max_series is None else min(allowed, self.max_series)

    @property
    def _is_full(self) -> bool:
        return self.max_series is not None and len(self._series) >= self.max_series

    def remove(self, *values: str) -> None:
        """Show a series no longer."""
        with self._lock:
            self._series.pop(values, None)

    def _make(self, labels: Mapping[str, str]) -> GaugeSeries:
        return GaugeSeries(self.name, labels)


class Histogram(Instrument[HistogramSeries]):
    """Numbers, sorted into buckets.

    :param buckets: upper ends of the buckets, without infinity.
    """

    kind = "histogram"

    def __init__(
        self,
        name: str,
        help: str,  # noqa: A002 - Prometheus' name
        labels: Sequence[Label] = (),
        *,
        buckets: Sequence[float],
    ) -> None:
        self.buckets = tuple(buckets)
        super().__init__(name, help, labels)

    @property
    def _samples_each(self) -> int:
        return len(self.buckets) + 3  # infinity, the count and the sum

    def _make(self, labels: Mapping[str, str]) -> HistogramSeries:
        return HistogramSeries(self.name, labels, self.buckets)


class _Facts:
    """The labels of an info metric, which say what there is to say."""

    def __init__(self, name: str, facts: Mapping[str, str]) -> None:
        self.name = name
        self.facts = dict(facts)

    @property
    def counted(self) -> float:
        return 0

    def samples(self) -> Iterator[Sample]:
        yield Sample(self.name, self.facts, 1.0)


class Info(Instrument[_Facts]):
    """Facts that do not change while the process runs; the value is always 1.

    :param facts: names and values.
    """

    kind = "info"

    def __init__(self, name: str, help: str, facts: Mapping[str, str]) -> None:  # noqa: A002 - Prometheus' name
        self.facts = dict(facts)
        super().__init__(name, help)

    @property
    def family(self) -> str:
        """The name without ``_info``."""
        return self.name.removesuffix("_info")

    def _make(self, labels: Mapping[str, str]) -> _Facts:
        return _Facts(self.name, {**self.facts, **labels})
