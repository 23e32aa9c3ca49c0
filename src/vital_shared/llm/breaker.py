"""Leave a model alone for a while that has failed several times in a row.

The circuit breaker of M. Nygard, "Release It!": closed, open, and half open, when one call tries.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["Breakers"]

FAILURES: Final = 5
"""So many in a row open a breaker."""

OPEN_SECONDS: Final = 30.0
"""How long it stays open before one call may try."""

MOST: Final = 1_000
"""Models that are remembered as failing; their names come from users."""


@dataclass(slots=True)
class _Failing:
    count: int = 0
    until: float = 0.0
    """When it may be tried again."""


class Breakers:
    """The breakers of all models of an engine; a model without failures has none.

    :param clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failing: dict[str, _Failing] = {}

    def allows(self, model: str) -> bool:
        """Tell whether the model may be called; of many who ask once its time is over, one may."""
        failing = self._failing.get(model)
        if failing is None or failing.count < FAILURES:
            return True
        now = self._clock()
        if now < failing.until:
            return False
        failing.until = now + OPEN_SECONDS  # whoever asks next waits for what becomes of this try
        return True

    @property
    def left_alone(self) -> frozenset[str]:
        """The models that nobody may call now."""
        now = self._clock()
        return frozenset(
            model
            for model, failing in self._failing.items()
            if failing.count >= FAILURES and now < failing.until
        )

    def succeeded(self, model: str) -> None:
        """Close the model's breaker."""
        self._failing.pop(model, None)

    def failed(self, model: str) -> None:
        """Count a failure that may be the provider's state, and not this one call's fault."""
        failing = self._failing.pop(model, None) or _Failing()
        failing.count += 1
        failing.until = self._clock() + OPEN_SECONDS
        self._failing[model] = failing  # now the youngest
        if len(self._failing) > MOST:
            del self._failing[next(iter(self._failing))]
