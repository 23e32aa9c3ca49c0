"""Read in a test what was counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from vital_shared.monitoring.instrument import Histogram, Instrument
from vital_shared.monitoring.metrics import CATALOGUE
from vital_shared.monitoring.series import CounterSeries

__all__ = ["Counted", "counted"]

_Labels = frozenset[tuple[str, str]]


class Counted:
    """The growth of the metrics since this object was made."""

    def __init__(self) -> None:
        self._before = _values(CATALOGUE)

    def __call__(self, name: str, **labels: str) -> float:
        """Return by how much a metric has grown, over all series that have these labels.

        :param name: the name of the metric; with ``_count``, ``_sum`` or ``_bucket`` for a histogram.
        :raises LookupError: when there is no such metric.
        """
        named = [each for each in CATALOGUE if name in _names(each)]
        if not named:
            raise LookupError(f"There is no metric {name}.")
        wanted = frozenset(labels.items())
        return float(
            sum(
                value - self._before.get((each, having), 0)
                for (each, having), value in _values(named).items()
                if each == name and wanted <= having
            )
        )


@contextmanager
def counted() -> Iterator[Counted]:
    """Count from here on.

    >>> with counted() as growth:
    ...     await MyWorkflow(services).execute_typed(question("Is it so?"))
    >>> growth("vital_workflow_requests_total", outcome="success")
    1.0
    """
    yield Counted()


def _names(instrument: Instrument[Any]) -> tuple[str, ...]:
    name = instrument.name
    if isinstance(instrument, Histogram):
        return f"{name}_bucket", f"{name}_count", f"{name}_sum"
    return (name,)


def _values(instruments: Iterable[Instrument[Any]]) -> dict[tuple[str, _Labels], float | Fraction]:
    """Return all values; those of counters exact, so that a nano-dollar is seen to grow upon millions."""
    return {
        (sample.name, frozenset(sample.labels.items())): (
            series.exact_value if isinstance(series, CounterSeries) else sample.value
        )
        for each in instruments
        for series in each.series
        for sample in series.samples()
    }
