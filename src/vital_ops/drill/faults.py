"""The faults of a drill: for each alert, the questions that cause them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from vital_ops.drill.fault_makers import (
    FaultMaker,
    lose_replica,
    overspend,
    send_requests,
    send_undeliverable,
    spend_limit,
    stop_requests,
)
from vital_ops.drill.faulty_parts import faulty_lookup, make_fail
from vital_ops.drill.faulty_workflow import end_with_error
from vital_ops.drill.models import BREAKS_OFF, DEAR, DEAR_DOLLARS, GOOD, MISCOUNTS, SLOW
from vital_ops.drill.workers import kill_workers
from vital_shared.store.key_token import KeyToken

__all__ = ["FAULTS", "DrillFault"]

FALSE_KEY: Final = KeyToken.make().text
"""A key of the right form that no engine has made."""


@dataclass(frozen=True, slots=True)
class DrillFault:
    """Something that goes wrong, and its alerts."""

    words: str
    """A sentence for the person at the terminal."""
    make: FaultMaker
    alerts: frozenset[str]
    is_alone: bool = False
    """Whether it is made while no other fault is: another would hide it, or take what it needs."""
    needs_stand_ins: bool = False
    """Whether it cannot be made where receivers are the real ones."""


def _question(query: str = "Is it so?", **fields: Any) -> Callable[[int], dict[str, Any]]:
    """Make questions of a conversation, which no cache answers, unless the fields say otherwise."""
    given = {"mode": "4", "model": GOOD, "enable_rag": False, "enable_tools": False}
    given |= {"tenant_id": "drill", "user_id": "drill"} | fields
    return lambda number: {"query": f"{query} ({number})", **given}


_TOOLS: Final = [
    {"name": faulty_lookup.name, "arguments": {"question": text}}
    for text in ("And this?", make_fail("And that?"))
]

FAULTS: Final = (
    DrillFault(
        "requests come for a while, and then no more",
        stop_requests(_question(), 10, busy_seconds=50),
        alerts=frozenset({"TrafficDropped"}),
        is_alone=True,
    ),
    DrillFault(
        "a step of the workflow ends every run with an error",
        send_requests(_question(end_with_error("Is it so?"), tenant_id="drill-unlucky"), 6),
        alerts=frozenset({"HighErrorRate", "TenantAvailability"}),
    ),
    DrillFault(
        "a model takes 31 seconds for an answer",
        send_requests(_question(model=SLOW), 6),
        alerts=frozenset({"HighLatency", "VeryHighLatency"}),
    ),
    DrillFault(
        "the cache is small, and every question is a new one",
        send_requests(_question(mode="2"), 20),
        alerts=frozenset({"LowCacheHitRate", "CacheNearCapacity", "HighCacheEvictionRate"}),
    ),
    DrillFault(
        "a tenant asks a model at $10 an answer, and then ten times as often",
        send_requests(_question(model=DEAR), 2, calm_seconds=18),
        alerts=frozenset({"HighDailyCost", "SuddenCostSpike"}),
    ),
    DrillFault(
        "a source and a tool fail, and the model breaks off midway",
        send_requests(
            _question(
                make_fail("Is it so?"),
                model=BREAKS_OFF,
                enable_rag=True,
                enable_tools=True,
                requested_tools=_TOOLS,
            ),
            8,
        ),
        alerts=frozenset(
            {"LowQualityScore", "HighDegradationRate", "HighToolFailureRate", "HighRAGFailureRate"}
        ),
    ),
    DrillFault(
        "a provider counts ten million tokens for an answer of three words",
        send_requests(_question(model=MISCOUNTS), 1),
        alerts=frozenset({"DeadLetters"}),
    ),
    DrillFault(
        "most workers of another engine are killed at once",
        kill_workers,
        alerts=frozenset({"WorkerRestarts"}),
        is_alone=True,
    ),
    DrillFault(
        "Slack refuses notifications: their channel is archived",
        send_undeliverable,
        alerts=frozenset({"NotificationsFailing"}),
        is_alone=True,
        needs_stand_ins=True,
    ),
    DrillFault("another engine does not answer Prometheus", lose_replica, alerts=frozenset({"ReplicaDown"})),
    DrillFault(
        "somebody tries keys that are false",
        send_requests(_question(), 6, headers={"Authorization": f"Bearer {FALSE_KEY}"}),
        alerts=frozenset({"EngineRejecting"}),
    ),
    DrillFault(
        "a tenant has spent all of its budget",
        overspend("drill-spender", _question(model=DEAR)(1), dollars=DEAR_DOLLARS),
        alerts=frozenset({"TenantBudget"}),
    ),
    DrillFault(
        "a tenant has spent all that a limit of a month allows",
        spend_limit("drill-limited", _question(model=DEAR)(1), dollars=DEAR_DOLLARS),
        alerts=frozenset({"UsageLimit"}),
    ),
)
