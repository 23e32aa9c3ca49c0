"""The nodes that a workflow class adds to the built-in ones, or has in their place."""

from __future__ import annotations

from vital_shared.graph import Node, Plan

__all__ = ["built_in_nodes", "own_nodes", "own_values"]


def own_nodes(plan: Plan, built_in: Plan | None) -> tuple[Node, ...]:
    """Return the nodes of a class that are its own.

    :param built_in: the plan of the class of ours that it is made from; None: it has no nodes.
    """
    known = {(node.name, node.place) for node in built_in.nodes} if built_in else set()
    return tuple(node for node in plan.nodes if (node.name, node.place) not in known)


def built_in_nodes(plan: Plan, built_in: Plan | None) -> frozenset[str]:
    """Return the names of the nodes of a class that are those of the class of ours that it is made from."""
    own = {node.name for node in own_nodes(plan, built_in)}
    return frozenset(node.name for node in plan.nodes if node.name not in own)


def own_values(plan: Plan, built_in: Plan | None) -> tuple[str, ...]:
    """Return the names of the values that only these nodes make."""
    known = {node.makes for node in built_in.nodes} if built_in else set()
    return tuple(node.makes for node in own_nodes(plan, built_in) if node.makes not in known)
