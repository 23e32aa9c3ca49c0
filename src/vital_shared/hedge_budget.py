"""The budget of hedged requests: a second request where the first is slow, for a small share of all requests.

Without one, a provider that slows down gets twice its load just then (J. Dean and L. A. Barroso, "The Tail at
Scale", Communications of the ACM 56(2), 2013).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

__all__ = ["MAX_SAVED_HEDGES", "HedgeBudget", "HedgeOutcome"]

HedgeOutcome: TypeAlias = Literal["won", "lost", "failed", "over_budget"]
"""The second request was answered first, the first was, none was, or there was no budget for a second."""

MAX_SAVED_HEDGES: Final = 10.0
"""Hedges that may come at once after a time without any."""

EPSILON: Final = 1e-9


class HedgeBudget:
    """At most a share of all requests is hedged, beside those that were saved at the start.

    :param share: from 0 to 1.
    :param saved: hedges that are allowed before the first request.
    """

    def __init__(self, share: float, saved: float = 0.0) -> None:
        self._share = share
        self._saved = min(saved, MAX_SAVED_HEDGES)

    def note_request(self) -> None:
        """Count a request that may be hedged."""
        self._saved = min(MAX_SAVED_HEDGES, self._saved + self._share)

    def take(self) -> bool:
        """Take one hedge, where there is one left."""
        if self._saved < 1 - EPSILON:
            return False
        self._saved = max(0.0, self._saved - 1)
        return True
