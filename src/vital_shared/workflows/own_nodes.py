"""The nodes that a workflow class adds to the built-in ones, or replaces them with."""

from __future__ import annotations

from vital_shared.graph import Node, Plan

__all__ = ["built_in_nodes", "own_nodes", "own_values"]


def own_nodes(plan: Plan, built_in: Plan | None) -> tuple[Node, ...]:
    """Return the nodes of a class that are its own; those of ours in a sub-workflow are not.

    :param built_in: the plan of the class of ours that it is made from; None: it has no nodes.
    """
    known = {(node.name, node.place) for node in built_in.nodes} if built_in else set()
    of_parts = [getattr(part.graph, "built_in", None) for part in plan.parts]
    within = {(node.name, node.place) for each in of_parts if each for node in each.nodes}
    return tuple(
        node
        for node in plan.nodes
        if (node.name, node.place) not in known and (not node.path or (node.method, node.place) not in within)
    )


def built_in_nodes(plan: Plan, built_in: Plan | None) -> frozenset[str]:
    """Return the names of the nodes of a class that are those of the class of ours that it is made from."""
    own = {node.name for node in own_nodes(plan, built_in)}
    return frozenset(node.name for node in plan.nodes if node.name not in own)


def own_values(plan: Plan, built_in: Plan | None) -> tuple[str, ...]:
    """Return the names of the values that only these nodes make; of a sub-workflow, that of the whole."""
    known = {node.makes for node in built_in.nodes} if built_in else set()
    own = {node.makes for node in own_nodes(plan, built_in)} | {
        node.makes for node in plan.nodes if node.path
    }
    return tuple(
        node.makes
        for node in plan.nodes
        if node.makes in own and node.makes not in known and "." not in node.makes
    )
