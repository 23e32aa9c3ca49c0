"""Remove nodes from a plan that the inputs of a run switch off: a node that does not run costs nothing.

Whether a node is off is known before the run: its condition only reads inputs and values of nodes that are
off. A fan-out over a list that is known to be empty is off, too. The remaining plan is made once for each
combination, and shared by all its runs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from vital_shared.graph.plan import MISSING, Node, Plan, Switch

__all__ = ["prune"]


def prune(plan: Plan, values: list[Any]) -> Plan:
    """Return the plan without the nodes that are off, and put their values into their slots."""
    off = 0
    for switch in plan.switches:
        arguments = _known(switch, values, off)
        if arguments is not None and not switch.when(*arguments):
            off |= 1 << switch.index
            values[switch.slot] = switch.otherwise
    if not off:
        return plan
    found = plan.pruned.get(off)
    if found is None:
        found = plan.pruned[off] = _without(
            plan, {each.index for each in plan.nodes if off >> each.index & 1}
        )
    return found


def _known(switch: Switch, values: list[Any], off: int) -> list[Any] | None:
    """Return what a condition reads; None: some of it is known only while the run is under way."""
    arguments = []
    for slot, maker, default in switch.reads:
        if maker >= 0 and not off >> maker & 1:
            return None
        value = values[slot]
        arguments.append(default if value is MISSING else value)
    return arguments


def _without(plan: Plan, off: Collection[int]) -> Plan:
    """Make the plan; what is off keeps its place, and nothing leads to it or waits for it."""
    waits = list(plan.needs)
    for index in off:
        for successor in plan.nodes[index].successors:
            waits[successor] -= 1
    needs = tuple(-1 if node.index in off else waits[node.index] for node in plan.nodes)
    nodes = tuple(_rewired(node, off, needs[node.index]) for node in plan.nodes)
    roots = tuple(node.index for node in nodes if node.needs == 0)
    branches = len(roots) > 1 or any(len(node.successors) > 1 for node in nodes)
    return replace(plan, nodes=nodes, needs=needs, roots=roots, branches=branches)


def _rewired(node: Node, off: Collection[int], needs: int) -> Node:
    after = () if node.index in off else tuple(each for each in node.successors if each not in off)
    return replace(node, successors=after, needs=needs)
