"""Turn the moments at which a condition held into the times in which an alert fired."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

__all__ = ["Firing", "firings"]


class Firing(NamedTuple):
    """One time in which an alert fired."""

    began: datetime
    seconds: float
    """The duration."""


def firings(moments: Iterable[float], *, hold: float, step: float) -> list[Firing]:
    """Find the times in which an alert fired.

    :param moments: the moments at which its condition held, in order, in seconds since the epoch.
    :param hold: seconds that it has to hold before the alert fires.
    :param step: seconds between looks: a condition that does not hold at one of them starts anew.
    """
    return [
        Firing(datetime.fromtimestamp(first + hold, UTC), last - first - hold + step)
        for first, last in _unbroken(moments, step)
        if last - first >= hold
    ]


def _unbroken(moments: Iterable[float], step: float) -> Iterator[tuple[float, float]]:
    first = last = None
    for at in moments:
        if first is None or last is None:
            first = at
        elif at - last > step * 1.5:
            yield first, last
            first = at
        last = at
    if first is not None and last is not None:
        yield first, last
