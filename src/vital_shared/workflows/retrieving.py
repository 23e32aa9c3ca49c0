"""The test whether a workflow answers from documents: without retrieval, a class does not lack them."""

from __future__ import annotations

from functools import cache
from typing import Final

from vital_shared.graph import Plan

__all__ = ["answers_from_documents"]

RETRIEVED: Final = ("passages", "rag_retrieval")
"""The values of `BaseWorkflow` that hold what was found."""


@cache  # plans are few, and live as long as their classes
def answers_from_documents(plan: Plan) -> bool:
    """Return whether the answer depends on what was retrieved."""
    makers = {node.slot: node for node in plan.nodes}
    retrieved = {plan.slots[name] for name in RETRIEVED if name in plan.slots}
    waiting, seen = [plan.slots.get("answer", -1)], set[int]()
    while waiting:
        slot = waiting.pop()
        if slot in retrieved:
            return True
        if slot in makers and slot not in seen:
            seen.add(slot)
            waiting += makers[slot].slots
    return False
