"""The values of the bounded labels in use: those under which something was counted lately."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vital_shared.monitoring.instrument import Instrument
from vital_shared.monitoring.labels import BoundedLabel
from vital_shared.monitoring.metrics import CATALOGUE

__all__ = ["LabelUse"]


class LabelUse:
    """The use of a label value, seen from what the metrics hold, so that nothing is noted while counting.

    :param labels: those to look at.
    :param instruments: the metrics that have them.
    """

    def __init__(
        self, labels: Sequence[BoundedLabel], instruments: Sequence[Instrument[Any]] = CATALOGUE
    ) -> None:
        self._labels = labels
        self._instruments = instruments
        self._before: dict[tuple[str, str], float] = {}

    def take(self) -> set[tuple[str, str]]:
        """Return the labels' names and values that were counted under since it was last called."""
        now: dict[tuple[str, str], float] = {}
        for instrument in self._instruments:
            for label in self._labels:
                if label in instrument.label_set:
                    for value, counted in instrument.counted_by(label).items():
                        now[label.name, value] = now.get((label.name, value), 0) + counted
        before, self._before = self._before, now
        return {name for name, counted in now.items() if counted > before.get(name, 0)}
