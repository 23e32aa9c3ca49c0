"""Sort nodes so that each comes after its predecessors, or name the cycle that prevents it."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from vital_shared.graph.errors import PlanError
from vital_shared.graph.node_spec import NodeSpec

__all__ = ["ordered", "predecessors_of", "successors_of"]


def ordered(graph: str, specs: list[NodeSpec]) -> list[NodeSpec]:
    """Sort the nodes so that each comes after what it needs, else as they were defined.

    :raises PlanError: when that cannot be.
    """
    numbers = {spec.declaration.makes: number for number, spec in enumerate(specs)}
    predecessors = predecessors_of(specs, numbers)
    waiting = [len(ones) for ones in predecessors]
    ready = [number for number, count in enumerate(waiting) if count == 0]
    successors = successors_of(predecessors)
    order: list[int] = []
    while ready:
        number = heapq.heappop(ready)
        order.append(number)
        for successor in successors[number]:
            waiting[successor] -= 1
            if waiting[successor] == 0:
                heapq.heappush(ready, successor)
    if len(order) < len(specs):
        raise PlanError(_circle(graph, specs, predecessors, set(range(len(specs))) - set(order)))
    return [specs[number] for number in order]


def predecessors_of(specs: Sequence[NodeSpec], numbers: dict[str, int]) -> list[list[int]]:
    """Return the numbers of each node's predecessors."""
    return [sorted({numbers[name] for name, _ in spec.wanted() if name in numbers}) for spec in specs]


def successors_of(predecessors: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the numbers of each node's successors."""
    successors: list[list[int]] = [[] for _ in predecessors]
    for number, others in enumerate(predecessors):
        for other in others:
            successors[other].append(number)
    return successors


def _circle(graph: str, specs: list[NodeSpec], predecessors: list[list[int]], stuck: set[int]) -> str:
    """Walk back from a node that never gets ready, until one comes again: that is a circle."""
    path = [min(stuck)]
    while True:
        previous = next(number for number in predecessors[path[-1]] if number in stuck)
        if previous in path:
            circle = [*path[path.index(previous) :], previous][::-1]
            break
        path.append(previous)
    names = " → ".join(specs[number].name for number in circle)
    return f"graph '{graph}' goes round in a circle: {names}; {specs[circle[0]].title} waits for itself"
