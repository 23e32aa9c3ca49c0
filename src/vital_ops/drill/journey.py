"""An alert's way from the fault to its receivers, and back."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal

from vital_ops.receivers.delivery import Place

__all__ = ["Journey", "Receiver"]

Receiver = Place | Literal["engine"]
"""A receiver of notifications."""


@dataclass(slots=True)
class Journey:
    """One alert in a drill; times are seconds since the drill began."""

    alert: str
    fault: str
    """In words."""
    receivers: frozenset[Receiver]
    """The receivers that have to get it."""
    pending: float | None = None
    firing: float | None = None
    delivered: dict[Receiver, float] = field(default_factory=dict)
    resolved: dict[Receiver, float] = field(default_factory=dict)
    strays: frozenset[Receiver] = frozenset()
    """The receivers that got it and should not have."""

    problem: str | None = None
    """A failure apart from its way, in a sentence."""

    @property
    def failure(self) -> str | None:
        """The failure, in a sentence; None: there was none."""
        if self.problem is not None:
            return self.problem
        if self.firing is None:
            return f"{self.alert} does not fire."
        if missing := self.receivers - self.delivered.keys():
            return f"{self.alert} fires, and does not reach {_names(missing)}."
        if self.strays:
            return f"{self.alert} reaches {_names(self.strays)} too."
        if missing := self.receivers - self.resolved.keys():
            return f"{self.alert} should be over, but {_names(missing)} has received no such message."
        return None


def _names(receivers: AbstractSet[Receiver]) -> str:
    return ", ".join(sorted(receivers))
