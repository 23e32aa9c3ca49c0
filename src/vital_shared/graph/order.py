"""Sort nodes so that each comes after what it needs, or name the circle that they go round in."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from vital_shared.graph.draft import Draft
from vital_shared.graph.errors import PlanError

__all__ = ["after", "before", "ordered"]


def ordered(graph: str, drafts: list[Draft]) -> list[Draft]:
    """Sort the nodes so that each comes after what it needs, else as they were defined.

    :raises PlanError: when that cannot be.
    """
    numbers = {draft.declaration.makes: number for number, draft in enumerate(drafts)}
    needed = before(drafts, numbers)
    waiting = [len(ones) for ones in needed]
    ready = [number for number, count in enumerate(waiting) if count == 0]
    successors = after(needed)
    order: list[int] = []
    while ready:
        number = heapq.heappop(ready)
        order.append(number)
        for successor in successors[number]:
            waiting[successor] -= 1
            if waiting[successor] == 0:
                heapq.heappush(ready, successor)
    if len(order) < len(drafts):
        raise PlanError(_circle(graph, drafts, needed, set(range(len(drafts))) - set(order)))
    return [drafts[number] for number in order]


def before(drafts: Sequence[Draft], numbers: dict[str, int]) -> list[list[int]]:
    """Return the numbers of each node's predecessors."""
    return [sorted({numbers[name] for name, _ in draft.wanted() if name in numbers}) for draft in drafts]


def after(needed: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the numbers of each node's successors."""
    waiting: list[list[int]] = [[] for _ in needed]
    for number, others in enumerate(needed):
        for other in others:
            waiting[other].append(number)
    return waiting


def _circle(graph: str, drafts: list[Draft], needed: list[list[int]], stuck: set[int]) -> str:
    """Walk back from a node that never gets ready, until one comes again: that is a circle."""
    path = [min(stuck)]
    while True:
        previous = next(number for number in needed[path[-1]] if number in stuck)
        if previous in path:
            circle = [*path[path.index(previous) :], previous][::-1]
            break
        path.append(previous)
    names = " → ".join(drafts[number].name for number in circle)
    return f"graph '{graph}' goes round in a circle: {names}; {drafts[circle[0]].title} waits for itself"
