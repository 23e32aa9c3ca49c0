"""Show nothing of a name that was freed, although not all workers have forgotten it yet.

One worker forgets it some seconds before the others, and what ended workers have counted stays. A sum that
falls by what one of them had counted would look like a restart to Prometheus, which would then count the
rest once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import orjson

from vital_shared.monitoring.metrics import BOUNDED
from vital_shared.monitoring.snapshot import Family, Series, Snapshot

__all__ = ["FreedNames"]

Name: TypeAlias = tuple[str, str]
"""A bounded label's name and a value."""

_BOUNDED = frozenset(label.name for label in BOUNDED)


class FreedNames:
    """A watch for freed names, from what the workers show one scrape after the other."""

    def __init__(self) -> None:
        self._named: set[Name] = set()
        """Names that all workers had at once."""
        self._freed: set[Name] = set()
        """Names that not all of them have any more."""

    def hide(self, workers: Sequence[Snapshot], ended: Snapshot) -> tuple[Sequence[Snapshot], Snapshot]:
        """Leave freed names out of what the workers show, and of what ended ones have counted."""
        known = [names for names in map(_names, workers) if names]
        if not known:
            return workers, ended
        by_all, by_any = set.intersection(*known), set.union(*known)
        self._freed = (self._freed | (self._named - by_all)) - by_all
        self._named = (self._named | by_all) - self._freed
        lost = self._freed | (_names(ended) - by_any)
        if not lost:
            return workers, ended
        return [_without(lost, worker) for worker in workers], _without(lost, ended)


def _names(snapshot: Snapshot) -> set[Name]:
    """Return the names that counters have, which exist with the name, at 0."""
    counters = (family for family in snapshot.values() if family.type == "counter")
    return {name for family in counters for series in family.values for name in _of(series)}


def _of(series: Series) -> Iterable[Name]:
    if not any(label in series for label in _BOUNDED):
        return ()
    _, labels = orjson.loads(series)
    return [(label, value) for label, value in labels.items() if label in _BOUNDED]


def _without(names: set[Name], snapshot: Snapshot) -> Snapshot:
    return {name: _left(names, family) for name, family in snapshot.items()}


def _left(names: set[Name], family: Family) -> Family:
    values = {series: value for series, value in family.values.items() if names.isdisjoint(_of(series))}
    exemplars = {series: each for series, each in family.exemplars.items() if series in values}
    return family._replace(values=values, exemplars=exemplars)
