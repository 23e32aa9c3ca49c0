"""The items of a fan-out, and the rounds of a loop, that have finished in a process before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from vital_shared.graph.outcome import Outcome
from vital_shared.graph.plan import MISSING, Node
from vital_shared.graph.state import RunState

__all__ = ["kept_items", "kept_parts", "kept_rounds"]


def kept_items(run: RunState, node: Node, items: Sequence[Any]) -> dict[int, Outcome[Any]]:
    """Return the outcomes of the items that need not run, by their indices.

    An item at another place, or another one at its place, is not the one that has run.
    """
    if not run.earlier_parts:
        return {}
    values = {index: run.kept_value(node, index, item) for index, item in enumerate(items)}
    return {index: value[0] for index, value in values.items() if value is not MISSING}


def kept_rounds(run: RunState, node: Node, inputs: Mapping[str, Any]) -> dict[int, Any]:
    """Return the values of the first rounds that need not run, by their numbers.

    :param inputs: those of the first round.
    """
    loop, kept = node.declaration.loop, dict[int, Any]()
    if loop is None or not run.earlier_parts:
        return kept
    carried = inputs.get(loop.carry)
    for number in range(1, loop.limit + 1):
        value = run.kept_value(node, number, carried)
        if value is MISSING:
            break
        kept[number] = carried = value
    return kept


def kept_parts(run: RunState, node: Node, arguments: Sequence[Any]) -> Sequence[int]:
    """Return the indices of the items, or the numbers of the rounds, that need not run."""
    if not run.earlier_parts:
        return ()
    if node.loop_over is not None:
        return tuple(kept_rounds(run, node, node.function(run.target, *arguments)))
    if node.declaration.each is None:
        return ()
    given = arguments[node.item_position]  # what else it may be can be read once, by the fan-out itself
    return tuple(kept_items(run, node, tuple(given))) if isinstance(given, Sequence | AbstractSet) else ()
