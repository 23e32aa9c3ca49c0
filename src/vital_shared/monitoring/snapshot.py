"""A registry's content at one moment, as plain data: it can be sent to another process and be added up.

A snapshot maps each family's name to the family. Its series are flat, numbers under texts: objects that the
garbage collector tracks, ten thousand at a time, would make it look through the whole process while nothing
else runs. ``_created`` samples are left out, since they double the number of series and carry nothing that a
sum over workers would keep.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

import orjson
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample

from vital_shared.monitoring.instrument import Gauge, Merge
from vital_shared.monitoring.metrics import CATALOGUE, REGISTRY

__all__ = ["Family", "Series", "Snapshot", "dump", "key_of", "load", "sample_of", "take"]

Series: TypeAlias = str
"""A series of a family: its sample's name and its labels, as `key_of` writes them."""


class Family(NamedTuple):
    """A metric and all its series."""

    name: str
    """As OpenMetrics has it: a counter's without ``_total``."""

    type: str
    help: str
    unit: str
    merge: Merge
    shared: tuple[str, ...]
    """Label values under which all workers report the same, whatever `merge` is."""

    values: dict[Series, float]
    exemplars: dict[Series, Exemplar]


Snapshot: TypeAlias = Mapping[str, Family]

ADDS_UP: Final = frozenset({"counter", "histogram", "summary"})

CLIENT_GAUGES: Final[Mapping[str, Merge]] = {
    "process_max_fds": "min",
    "process_start_time_seconds": "min",
    "python_info": "one",
}
"""Gauges of prometheus_client itself that do not add up."""

OWN_GAUGES: Final = {each.name: each for each in CATALOGUE if isinstance(each, Gauge)}


def take(registry: Collector = REGISTRY, gauges: Mapping[str, Gauge] = OWN_GAUGES) -> Snapshot:
    """Copy what a registry holds. It may be run in a thread while others count.

    :param registry: by default, all that this process counts.
    :param gauges: the merge of each gauge, by name; one that is not there adds up.
    """
    families = {}
    for metric in registry.collect():
        gauge = gauges.get(metric.name)
        families[metric.name] = family = Family(
            metric.name,
            metric.type,
            metric.documentation,
            metric.unit,
            gauge.merge if gauge else _merge(metric.type, metric.name),
            tuple(gauge.shared) if gauge else (),
            {},
            {},
        )
        created = f"{metric.name}_created"
        for sample in metric.samples:
            if sample.name != created:
                key = key_of(sample.name, sample.labels)
                family.values[key] = sample.value
                if sample.exemplar is not None:
                    family.exemplars[key] = sample.exemplar
    return families


def _merge(kind: str, name: str) -> Merge:
    if kind == "gauge":
        return CLIENT_GAUGES.get(name, "sum")
    return "sum" if kind in ADDS_UP else "one"


def key_of(name: str, labels: Mapping[str, str]) -> Series:
    """Write down which series it is."""
    return orjson.dumps([name, labels]).decode()


def sample_of(family: Family, series: Series) -> Sample:
    """Return a series of a family, as the client has it."""
    name, labels = orjson.loads(series)
    return Sample(name, labels, family.values[series], None, family.exemplars.get(series))


def dump(snapshot: Snapshot) -> bytes:
    """Write a snapshot as JSON, in which numbers that are not finite are texts.

    Family by family: the event loop can go on between two of them, but not while one is written.
    """
    return b"[" + b",".join(_dumped(family) for family in snapshot.values()) + b"]"


def _dumped(family: Family) -> bytes:
    values = {key: _number(value) for key, value in family.values.items()}
    return orjson.dumps([*family[:-2], values, family.exemplars], default=tuple)  # an exemplar is a tuple


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
            {key: float(value) for key, value in values.items()},
            {key: Exemplar(*exemplar) for key, exemplar in exemplars.items()},
        )
        for name, kind, text, unit, merge, shared, values, exemplars in orjson.loads(data)
    }
