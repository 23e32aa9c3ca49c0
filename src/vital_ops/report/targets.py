"""Targets of a report's figures; the thresholds stand here and nowhere else."""

from __future__ import annotations

from typing import Final

__all__ = [
    "CALLS_SAVED",
    "ERROR_RATE",
    "HIT_RATE",
    "RAG_SUCCESS_RATE",
    "SLOWEST_SECONDS",
    "SUCCESS_RATE",
    "TOOL_SUCCESS_RATE",
]

ERROR_RATE: Final = 0.02
"""Failed runs should be a smaller share of all."""

SLOWEST_SECONDS: Final = 5.0
"""The 95th percentile of durations should be less."""

HIT_RATE: Final = 0.60
"""The cache should answer a larger share of what it is asked in modes 1 and 2."""

CALLS_SAVED: Final = 0.60
"""The share of language model calls that the cache should spare, at least."""

SUCCESS_RATE: Final = 0.95
"""Runs with an answer, a degraded one included, should be no smaller share of all."""

TOOL_SUCCESS_RATE: Final = 0.90
"""The share of tool calls that should succeed, at least."""

RAG_SUCCESS_RATE: Final = 0.95
"""The share of searches of sources that should succeed, at least."""
