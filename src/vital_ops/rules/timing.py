"""The times of an alert's tests, in minutes."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from vital_ops.rules.outage import MAX_SETTLING_SECONDS
from vital_ops.thresholds import Threshold

__all__ = ["SEASON_MINUTES", "Timing"]

SERIES_SAMPLES: Final = 100
"""Samples in a window, at most."""

EXACT_SAMPLES: Final = 5
"""Samples in a window by which Prometheus 2 and 3 extrapolate to the same number."""

SEASON_MINUTES: Final = 30.0
"""Minutes between evaluations over a day or a week."""


class Timing(NamedTuple):
    """The spans of an alert, and what follows from them."""

    window: float
    hold: float
    exact_hold: float
    """The same where rules are evaluated every few seconds."""

    @classmethod
    def of(cls, at: Threshold) -> Timing:
        """Take the spans of an alert's numbers; rules are evaluated at whole minutes, and fire then."""
        return cls(at.window / 60, math.ceil(at.hold / 60), at.hold / 60)

    @property
    def step(self) -> float:
        """Minutes between samples: more where windows are long."""
        return max(1.0, self.window // SERIES_SAMPLES)

    @property
    def exact_step(self) -> float:
        """Minutes between samples where a number has to be exact."""
        return self.window / EXACT_SAMPLES

    @property
    def full(self) -> float:
        """A full window, and a little more."""
        return self.window + 3 * self.step

    @property
    def there(self) -> float:
        """The time that an alert needs to fire, and a little more."""
        return self.full + self.hold

    @property
    def settled(self) -> float:
        """The time that it keeps its state after an outage, in minutes."""
        return min(self.window, MAX_SETTLING_SECONDS / 60)
