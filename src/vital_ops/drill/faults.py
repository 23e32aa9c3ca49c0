"""What goes wrong in a drill: for each alert, the questions that make it so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from vital_ops.drill.fragile import fragile_lookup, tell_to_fail
from vital_ops.drill.fragile_workflow import end_with_error
from vital_ops.drill.models import BREAKS_OFF, DEAR, GOOD, MISCOUNTS, SLOW
from vital_ops.drill.traffic import Ask

__all__ = ["FAULTS", "Fault"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of questions, asked at a pace."""

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


_TOOLS: Final = [
    {"name": fragile_lookup.name, "arguments": {"question": text}}
    for text in ("And this?", tell_to_fail("And that?"))
]

FAULTS: Final = (
    Fault(
        "a step of the workflow ends every run with an error",
        _question(end_with_error("Is it so?")),
        per_second=6,
        alerts=frozenset({"HighErrorRate"}),
    ),
    Fault(
        "a model takes 31 seconds for an answer",
        _question(model=SLOW),
        per_second=6,
        alerts=frozenset({"HighLatency", "VeryHighLatency"}),
    ),
    Fault(
        "the cache is small, and every question is a new one",
        _question(mode="2"),
        per_second=20,
        alerts=frozenset({"LowCacheHitRate", "CacheNearCapacity", "HighCacheEvictionRate"}),
    ),
    Fault(
        "a tenant asks a model at $10 an answer, and then ten times as often",
        _question(model=DEAR),
        per_second=4,
        alerts=frozenset({"HighDailyCost", "SuddenCostSpike"}),
        calm_seconds=18,
    ),
    Fault(
        "a source and a tool fail, and the model breaks off midway",
        _question(
            tell_to_fail("Is it so?"),
            model=BREAKS_OFF,
            enable_rag=True,
            enable_tools=True,
            requested_tools=_TOOLS,
        ),
        per_second=15,
        alerts=frozenset(
            {"LowQualityScore", "HighDegradationRate", "HighToolFailureRate", "HighRAGFailureRate"}
        ),
    ),
    Fault(
        "a provider counts ten million tokens for an answer of three words",
        _question(model=MISCOUNTS),
        per_second=1,
        alerts=frozenset({"DeadLetters"}),
    ),
)
