"""Make one snapshot of those of several workers, so that it does not matter who is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client.samples import Exemplar

from vital_shared.monitoring.instrument import Merge
from vital_shared.monitoring.snapshot import ADDS_UP, Family, Point, Series, Snapshot

__all__ = ["merge", "remains"]

VALUES: Final[Mapping[Merge, Callable[[float, float], float]]] = {
    "sum": lambda one, other: one + other,
    "max": max,
    "min": min,
    "one": lambda one, _: one,
}


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Merge each series as its family says; of exemplars the newest stays.

    :param snapshots: where a value is "one", the first that has the series tells it.
    """
    merged: dict[str, Family] = {}
    for snapshot in snapshots:
        for name, family in snapshot.items():
            if name in merged:
                _add(merged[name].points, family)
            else:
                merged[name] = family._replace(points=dict(family.points))
    return merged


def _add(points: dict[Series, Point], family: Family) -> None:
    for series, point in family.points.items():
        combine = VALUES[_how(family, series)]
        known = points.get(series)
        if known is not None:
            exemplar = _newest(known.exemplar, point.exemplar)
            point = Point(combine(known.value, point.value), exemplar)  # noqa: PLW2901 - the merged one
        points[series] = point


def _how(family: Family, series: Series) -> Merge:
    shared = family.shared and any(value in family.shared for _, value in series[1])
    return "one" if shared else family.merge


def _newest(one: Exemplar | None, other: Exemplar | None) -> Exemplar | None:
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda exemplar: float(exemplar.timestamp or 0))


def remains(snapshot: Snapshot) -> Snapshot:
    """Return what is kept of a worker that has ended: what it counted, but not how it stood."""
    return {name: family for name, family in snapshot.items() if family.type in ADDS_UP}
