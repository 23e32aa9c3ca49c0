"""The names that queries may use: the catalogue, the recorded series, and a few of other exporters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from vital_ops.rules.rule import Recording
from vital_shared.monitoring.instrument import Counter, Histogram, Info, Instrument
from vital_shared.monitoring.metrics import CATALOGUE

__all__ = ["SCRAPED", "Known", "Series", "catalogue", "recorded"]

Shape: TypeAlias = Literal["counter", "gauge", "bucket", "recorded"]

SCRAPED: Final = frozenset({"environment", "instance", "job"})
"""The labels that Prometheus gives to all that it scrapes."""

OTHERS: Final[Mapping[str, tuple[Shape, frozenset[str]]]] = {
    "alertmanager_notifications_failed_total": ("counter", frozenset({"integration"})),
    "process_cpu_seconds_total": ("counter", frozenset()),
    "process_max_fds": ("gauge", frozenset()),
    "process_open_fds": ("gauge", frozenset()),
    "process_resident_memory_bytes": ("gauge", frozenset()),
    "process_start_time_seconds": ("gauge", frozenset()),
    "python_gc_collections_total": ("counter", frozenset({"generation"})),
    "up": ("gauge", frozenset()),
}
"""Series of Prometheus, of its Python client and of Alertmanager, with their own labels."""


@dataclass(frozen=True, slots=True)
class Series:
    """The meaning of a name."""

    shape: Shape
    labels: frozenset[str]

    @property
    def grows(self) -> bool:
        """Whether it has to be asked how fast it grows."""
        return self.shape in ("counter", "bucket")


Known: TypeAlias = Mapping[str, Series]
"""By name."""


def catalogue(metrics: Iterable[Instrument[Any]] = CATALOGUE) -> dict[str, Series]:
    """List the series of the catalogue, and those that Prometheus and its client show of themselves."""
    found = {name: series for metric in metrics for name, series in _of(metric)}
    found |= {name: Series(shape, own | SCRAPED) for name, (shape, own) in OTHERS.items()}
    found["ALERTS"] = Series(
        "recorded",
        frozenset(
            {"alertname", "alertstate", "severity", "team", "notify", "incident", "environment"}
            | {"tier", "slo", "quantile", "tenant_id", "period", "share", "level", "holder", "unit"}
        ),
    )
    return found


def recorded(rules: Iterable[Recording], labels: Mapping[str, frozenset[str]]) -> dict[str, Series]:
    """List what rules record.

    :param labels: those of each rule's expression, by the rule's name.
    """
    return {rule.name: Series("recorded", labels[rule.name] | frozenset(rule.labels)) for rule in rules}


def _of(metric: Instrument[Any]) -> Iterator[tuple[str, Series]]:
    own = (
        frozenset(metric.facts)
        if isinstance(metric, Info)
        else frozenset(each.name for each in metric.label_set)
    )
    labels = own | SCRAPED
    match metric:
        case Counter():
            yield metric.name, Series("counter", labels)
        case Histogram():
            yield f"{metric.name}_bucket", Series("bucket", labels | {"le"})
            for part in ("count", "sum"):
                yield f"{metric.name}_{part}", Series("counter", labels)
        case _:
            yield metric.name, Series("gauge", labels)
