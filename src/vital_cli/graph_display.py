"""A workflow's plan as text."""

from __future__ import annotations

from collections.abc import Iterator

from vital_shared.graph import Node, Plan

__all__ = ["describe"]


def describe(plan: Plan) -> str:
    """Describe the plan in lines: each node with the values it needs, and how it is run."""
    names = {slot: name for name, slot in plan.slots.items()}
    rows = [(node.name, _traits(node), ", ".join(names[slot] for slot in node.slots)) for node in plan.nodes]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"{node:<{first}}  {traits:<{second}}  <- {needs}".rstrip() for node, traits, needs in rows]
    return "\n".join([f"{plan.name}({', '.join(plan.inputs)})", "", *lines]) + "\n"


def _traits(node: Node) -> str:
    return ", ".join(_all_traits(node))


def _all_traits(node: Node) -> Iterator[str]:
    declared = node.declaration
    if declared.optional:
        yield "optional"
    if node.kind != "async":
        yield node.kind
    if declared.pauses:
        yield "pauses"
    if declared.loop is not None:
        yield f"at most {declared.loop.limit} rounds of {node.loop_over.__name__}"
    if declared.each is not None:
        yield f"for each of {declared.each.over}"
    if declared.timeout is not None:
        yield f"at most {declared.timeout:g} s"
    if declared.retry is not None:
        yield f"{declared.retry.attempts} attempts"
    if declared.fallback is not None:
        yield "with a fallback"
