"""What goes wrong in a drill: for each alert, the questions that make it so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from vital_ops.drill.fragile import fragile_lookup, tell_to_fail
from vital_ops.drill.models import BUGGY, DEAR, DOWN, GOOD, SLOW
from vital_ops.drill.traffic import Ask

__all__ = ["FAULTS", "Fault"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of questions, asked at a pace."""

    name: str
    words: str
    """What goes wrong, for who watches."""
    ask: Ask
    per_second: float
    alerts: frozenset[str]
    """Those that have to tell of it."""
    calm_seconds: float = 0.0
    """For so long it is asked a tenth as often first, so that there is something to rise from."""


def _question(query: str = "Is it so?", **fields: Any) -> Callable[[int], dict[str, Any]]:
    """Make questions of a conversation, which no cache answers, unless told otherwise."""
    given = {"mode": "4", "model": GOOD, "enable_rag": False, "enable_tools": False} | fields
    given |= {"tenant_id": "drill", "user_id": "drill"}
    return lambda number: {"query": f"{query} ({number})", **given}


_POOR_TOOL: Final = {"name": fragile_lookup.name, "arguments": {"question": tell_to_fail("And this?")}}

FAULTS: Final = (
    Fault(
        "buggy",
        "a model ends every run with an error",
        _question(model=BUGGY),
        10,
        frozenset({"HighErrorRate"}),
    ),
    Fault(
        "slow",
        "a model takes 31 seconds for an answer",
        _question(model=SLOW),
        15,
        frozenset({"HighLatency", "VeryHighLatency"}),
    ),
    Fault(
        "new",
        "every question is a new one for the cache, which is small",
        _question(mode="2"),
        30,
        frozenset({"LowCacheHitRate", "CacheNearCapacity", "HighCacheEvictionRate"}),
    ),
    Fault(
        "dear",
        "a tenant asks a model at $10 an answer, ever more often",
        _question(model=DEAR),
        10,
        frozenset({"HighDailyCost", "SuddenCostSpike"}),
        calm_seconds=8,
    ),
    Fault(
        "poor",
        "a source, a tool and the model of first choice all fail, and another answers without them",
        _question(tell_to_fail("Is it so?"), model=DOWN, enable_rag=True, requested_tools=[_POOR_TOOL]),
        40,
        frozenset({"LowQualityScore", "HighDegradationRate", "HighToolFailureRate", "HighRAGFailureRate"}),
    ),
)
