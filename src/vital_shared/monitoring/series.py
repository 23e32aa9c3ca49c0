"""One series each: what is counted under one set of label values.

Made for speed, since a request counts some forty times: no look-up by name, and one short lock, because
threads count too.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import inf
from threading import Lock
from typing import Final

from prometheus_client.samples import Exemplar, Sample

from vital_shared.monitoring.odd_values import is_countable, is_measurable
from vital_shared.monitoring.tracing import current_trace_id

__all__ = ["TRACE_ID", "CounterSeries", "GaugeSeries", "HistogramSeries"]

RUN_ID: Final = "run_id"
TRACE_ID: Final = "trace_id"
"""Labels of an exemplar; together with their values they may have 128 characters in OpenMetrics."""


class CounterSeries:
    """A number that only grows.

    :param name: the name of its sample.
    :param labels: the labels of its sample.
    :param parts_per_unit: the divisor of the count when it is shown.
    """

    __slots__ = ("_labels", "_lock", "_name", "_parts", "_value")

    def __init__(self, name: str, labels: Mapping[str, str], parts_per_unit: int) -> None:
        self._name, self._labels, self._parts = name, dict(labels), parts_per_unit
        self._lock = Lock()
        self._value: float = 0

    def inc(self, amount: float = 1) -> None:
        """Count; what is no finite number from 0 up is left out, see `odd_values`."""
        if not is_countable(self._name, amount):
            return
        with self._lock:
            self._value += amount

    @property
    def counted(self) -> float:
        """The count so far, in parts of the unit."""
        return self._value

    @property
    def value(self) -> float:
        """The count so far, in the metric's unit."""
        return self._value / self._parts

    @property
    def exact_value(self) -> Fraction:
        """The count so far, in the metric's unit, not rounded."""
        return Fraction(self._value) / self._parts

    def samples(self) -> Iterator[Sample]:
        """Show it."""
        yield Sample(self._name, self._labels, self.value)


class GaugeSeries:
    """A number that is what it is now."""

    __slots__ = ("_labels", "_lock", "_name", "_value")

    def __init__(self, name: str, labels: Mapping[str, str]) -> None:
        self._name, self._labels = name, dict(labels)
        self._lock = Lock()
        self._value: float = 0

    def inc(self, amount: float = 1) -> None:
        """Add to it; an amount below 0 takes away."""
        with self._lock:
            self._value += amount

    def set(self, value: float) -> None:
        """Set it."""
        self._value = value

    @property
    def counted(self) -> float:
        """Nothing: a state is no count."""
        return 0

    @property
    def value(self) -> float:
        """The current value."""
        return float(self._value)

    def samples(self) -> Iterator[Sample]:
        """Show it."""
        yield Sample(self._name, self._labels, self.value)


class HistogramSeries:
    """Numbers, sorted into buckets.

    :param name: the name of the metric.
    :param labels: the labels of its samples.
    :param buckets: upper ends of the buckets, which belong to them, without infinity.
    """

    __slots__ = ("_buckets", "_counts", "_exemplars", "_labels", "_les", "_lock", "_name", "_sum")

    def __init__(self, name: str, labels: Mapping[str, str], buckets: Sequence[float]) -> None:
        self._name, self._labels = name, dict(labels)
        self._buckets = tuple(map(float, buckets))  # compared with floats, which is slower with whole numbers
        self._les = [{**labels, "le": le} for le in (*map(str, self._buckets), "+Inf")]
        self._counts = [0] * len(self._les)
        self._exemplars: dict[int, tuple[dict[str, str], float, float]] = {}
        self._sum = 0.0
        self._lock = Lock()

    def observe(self, value: float, exemplar: str | None = None, trace_id: str | None = None) -> None:
        """Sort a number in.

        :param exemplar: the id of the run that it comes from: an example for its bucket.
        :param trace_id: the id of the run's trace, in hexadecimal; None: of the current one, if there is any.
        """
        if not is_measurable(self._name, value):
            return
        bucket = bisect_left(self._buckets, value)
        with self._lock:
            self._counts[bucket] += 1
            self._sum += value
        if exemplar is not None:
            trace_id = trace_id or current_trace_id()
            self._exemplars[bucket] = (_labels_of(exemplar, trace_id), value, time.time())

    def observe_all(self, values: Sequence[float]) -> None:
        """Sort many numbers in: much cheaper for each than one by one."""
        ordered, before = sorted(each for each in values if is_measurable(self._name, each)), 0
        with self._lock:
            for bucket, edge in enumerate((*self._buckets, inf)):
                end = bisect_right(ordered, edge)
                self._counts[bucket] += end - before
                if end == len(ordered):  # most are small: the larger buckets need not be looked at
                    break
                before = end
            self._sum += sum(ordered)

    @property
    def counted(self) -> float:
        """The number of observations."""
        return self.count

    @property
    def count(self) -> int:
        """The number of observations."""
        return sum(self._counts)

    @property
    def sum(self) -> float:
        """The sum of the observations."""
        return self._sum

    def samples(self) -> Iterator[Sample]:
        """Show the buckets, each with all that are below it, the number of all and their sum."""
        with self._lock:
            counts, total = tuple(self._counts), self._sum
        so_far = 0
        for bucket, labels in enumerate(self._les):
            so_far += counts[bucket]
            yield Sample(f"{self._name}_bucket", labels, float(so_far), exemplar=self._exemplar(bucket))
        yield Sample(f"{self._name}_count", self._labels, float(so_far))
        yield Sample(f"{self._name}_sum", self._labels, total)

    def _exemplar(self, bucket: int) -> Exemplar | None:
        kept = self._exemplars.get(bucket)
        return kept and Exemplar(*kept)


def _labels_of(run_id: str, trace_id: str | None) -> dict[str, str]:
    return {RUN_ID: run_id, TRACE_ID: trace_id} if trace_id else {RUN_ID: run_id}
