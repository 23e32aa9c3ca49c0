"""The dashboards, as links name them."""

from __future__ import annotations

from typing import Final

__all__ = ["CACHE", "COST", "HEALTH", "PERFORMANCE", "RELIABILITY"]

PERFORMANCE: Final = "vital-performance"
CACHE: Final = "vital-cache"
COST: Final = "vital-cost"
HEALTH: Final = "vital-health"
RELIABILITY: Final = "vital-reliability"
