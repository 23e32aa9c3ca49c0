"""The definitions of the figures in reports, panels and alerts, once for all of them."""

from __future__ import annotations

from typing import Final

from vital_shared.cache import rules as cache_rules

__all__ = [
    "ANSWERABLE",
    "ANSWERED",
    "CACHED_MODES",
    "DEGRADED",
    "ENDED",
    "FAILED",
    "HIT",
    "LOOKED_UP",
]

ENDED: Final = ("success", "degraded", "failed")
"""Outcomes of requests that had an end of their own: neither cancelled by the user nor turned away."""

ANSWERED: Final = ("success", "degraded")

FAILED: Final = ("failed",)

DEGRADED: Final = ("degraded",)

ANSWERABLE: Final = ("true",)
"""Degradation and quality leave out questions that no document answers: that is no fault of the service."""

LOOKED_UP: Final = ("hit", "miss")
"""Cache statuses of requests that the cache could have answered."""

HIT: Final = ("hit",)

CACHED_MODES: Final = tuple(sorted(mode.value for mode in cache_rules.CACHED_MODES))
"""Label values of the modes whose answers are cached."""
