"""Make one snapshot of those of several workers, so that it does not matter who is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client.samples import Exemplar

from vital_shared.monitoring.instrument import Merge
from vital_shared.monitoring.snapshot import ADDS_UP, Family, Series, Snapshot, sample_of

__all__ = ["merge", "remains"]

VALUES: Final[Mapping[Merge, Callable[[float, float], float]]] = {
    "sum": lambda one, other: one + other,
    "max": max,
    "min": min,
    "one": lambda one, _: one,
}


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Merge each series as its family says; of exemplars the newest stays.

    :param snapshots: the snapshots to merge; of a "one", the first that has the series gives its value.
    """
    merged: dict[str, Family] = {}
    for snapshot in snapshots:
        for name, family in snapshot.items():
            if name in merged:
                _add(merged[name], family)
            else:
                merged[name] = family._replace(values=family.values.copy(), exemplars=family.exemplars.copy())
    return merged


def _add(merged: Family, family: Family) -> None:
    values = merged.values
    for series, value in family.values.items():
        known = values.get(series)
        values[series] = value if known is None else VALUES[_how(family, series)](known, value)
    for series, exemplar in family.exemplars.items():
        last = merged.exemplars.get(series)
        merged.exemplars[series] = exemplar if last is None else max(last, exemplar, key=_time)


def _how(family: Family, series: Series) -> Merge:
    if family.shared and any(value in family.shared for value in sample_of(family, series).labels.values()):
        return "one"
    return family.merge


def _time(exemplar: Exemplar) -> float:
    return float(exemplar.timestamp or 0)


def remains(snapshot: Snapshot) -> Snapshot:
    """Return what is kept of a worker that has ended: what it counted, but not how it stood."""
    return {name: family for name, family in snapshot.items() if family.type in ADDS_UP}
