"""Finished nodes as JSON, from which another process continues an interrupted run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from vital_shared.graph.checkpoint import Checkpoint
from vital_shared.graph.errors import CheckpointError
from vital_shared.graph.outcome import Degradation, NodeStatus, Span
from vital_shared.graph.plan import Plan

__all__ = ["NO_PARTS", "NO_VALUE", "FinishedNode", "owner_of", "part_name", "part_number", "resumption_point"]

NO_VALUE: Final[tuple[NodeStatus, ...]] = ("failed", "timeout", "skipped")
"""The ends of an optional node that has made no value."""


def part_name(node: str, number: int) -> str:
    """Name an item of a fan-out by its index, or a round of a loop by its number; no node has such a name."""
    return f"{node}[{number}]"


def owner_of(part: str) -> str:
    """Return the node that a part belongs to."""
    return part.rpartition("[")[0]


def part_number(part: str) -> int:
    """Return the index of an item, or the number of a round."""
    return int(part.rpartition("[")[2].removesuffix("]"))


class FinishedNode(BaseModel):
    """A node, or a part of one that is cut off, that need not run again."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="constants")

    name: str
    status: NodeStatus
    value: Any = None
    """Its value as JSON, where it has succeeded."""
    spans: tuple[Span, ...]
    """Its line in the waterfall, and those of its steps."""
    degradations: tuple[Degradation, ...] = ()
    key: str = ""
    """Key of the item, or of the value that the round started from; empty: it is a whole node."""


NO_PARTS: Final[Mapping[str, FinishedNode]] = MappingProxyType({})
"""No parts of nodes, in a run that no process has had before."""


def resumption_point(
    plan: Plan, before: Checkpoint | None, finished: Iterable[FinishedNode], seconds: float
) -> Checkpoint:
    """Put together where a run that was cut off goes on: all other nodes run again.

    :param before: the checkpoint that it was resumed from; None: it was never resumed.
    :param finished: the nodes that have finished since; one whose value cannot be read any more is left out.
    :param seconds: the time that the run has taken, without waits for a person.
    """
    readable = [node for node in finished if _is_readable(plan, node)]
    makes = {node.name: node.makes for node in plan.nodes}
    made = {makes[node.name]: node.value for node in readable if node.status == "success"}
    absent = {node.name: node.status for node in readable if node.status != "success"}
    spans = sorted((span for node in readable for span in node.spans), key=lambda span: span.start)
    return Checkpoint(
        fingerprint=plan.fingerprint,
        seconds=seconds,
        values={**(before.values if before else {}), **made},
        absent={**(before.absent if before else {}), **absent},
        paused=(),
        spans=(*(before.spans if before else ()), *spans),
        degradations=(
            *(before.degradations if before else ()),
            *(each for node in readable for each in node.degradations),
        ),
    )


def _is_readable(plan: Plan, node: FinishedNode) -> bool:
    makes = next((each.makes for each in plan.nodes if each.name == node.name), None)
    if makes is None:
        return False
    if node.status != "success":
        return node.status in NO_VALUE
    try:
        plan.types.read(makes, node.value)
    except (CheckpointError, TypeError):
        return False
    return True
