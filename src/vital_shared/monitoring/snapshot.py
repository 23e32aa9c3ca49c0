"""What a registry held at one moment, as plain data: it can be sent to another process and be added up.

A snapshot maps each family's name to the family. Of a family's samples, the name and the labels say which
series it is; ``_created`` samples are left out, since they double the number of series and tell nothing that
a sum over workers would keep.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from vital_shared.monitoring.instrument import Gauge, Merge
from vital_shared.monitoring.metrics import CATALOGUE, REGISTRY

__all__ = ["Family", "Point", "Series", "Snapshot", "dump", "load", "take"]

Series: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name, and its labels."""


class Point(NamedTuple):
    """What a series stands at."""

    value: float
    exemplar: Exemplar | None = None


class Family(NamedTuple):
    """A metric and all its series."""

    name: str
    """As OpenMetrics has it: a counter's without ``_total``."""

    type: str
    help: str
    unit: str
    merge: Merge
    shared: tuple[str, ...]
    """Label values under which all workers tell the same, whatever `merge` is."""

    points: dict[Series, Point]


Snapshot: TypeAlias = Mapping[str, Family]

ADDS_UP: Final = frozenset({"counter", "histogram", "summary"})

CLIENT_GAUGES: Final[Mapping[str, Merge]] = {
    "process_max_fds": "min",
    "process_start_time_seconds": "min",
    "python_info": "one",
}
"""Of the client's own gauges, those that do not add up."""


OWN_GAUGES: Final = {each.name: each for each in CATALOGUE if isinstance(each, Gauge)}


def take(registry: Collector = REGISTRY, gauges: Mapping[str, Gauge] = OWN_GAUGES) -> Snapshot:
    """Copy what a registry holds. It may be run in a thread while others count.

    :param registry: by default, all that this process counts.
    :param gauges: how each gauge merges, by name; one that is not there adds up.
    """
    families = {}
    for metric in registry.collect():
        created = f"{metric.name}_created"
        points = {
            (sample.name, tuple(sample.labels.items())): Point(sample.value, sample.exemplar)
            for sample in metric.samples
            if sample.name != created
        }
        gauge = gauges.get(metric.name)
        families[metric.name] = Family(
            metric.name,
            metric.type,
            metric.documentation,
            metric.unit,
            gauge.merge if gauge else _merge(metric.type, metric.name),
            tuple(gauge.shared) if gauge else (),
            points,
        )
    return families


def _merge(kind: str, name: str) -> Merge:
    if kind == "gauge":
        return CLIENT_GAUGES.get(name, "sum")
    return "sum" if kind in ADDS_UP else "one"


def dump(snapshot: Snapshot) -> bytes:
    """Write a snapshot as JSON, in which numbers that are not finite are strings."""
    return orjson.dumps([[*family[:-1], _rows(family.points)] for family in snapshot.values()])


def _rows(points: Mapping[Series, Point]) -> list[list[Any]]:
    return [
        [name, labels, _number(value), exemplar and [exemplar.labels, exemplar.value, exemplar.timestamp]]
        for (name, labels), (value, exemplar) in points.items()
    ]


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else repr(value)


def load(data: bytes) -> Snapshot:
    """Read what `dump` wrote."""
    return {
        name: Family(
            name,
            kind,
            text,
            unit,
            merge,
            tuple(shared),
            {
                (series, tuple([(key, said) for key, said in labels])): Point(
                    float(value), exemplar and Exemplar(*exemplar)
                )
                for series, labels, value, exemplar in rows
            },
        )
        for name, kind, text, unit, merge, shared, rows in orjson.loads(data)
    }
