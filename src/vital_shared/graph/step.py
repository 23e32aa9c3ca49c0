"""Parts of a node's work that are worth a line of the waterfall: the rounds of a loop."""

from __future__ import annotations

from dataclasses import dataclass

from vital_shared.graph.outcome import NodeStatus

__all__ = ["Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a streaming node's work, yielded when it begins and again, with a status, when it ends.

    Graphs have no cycles; what has to be repeated is a bounded loop within one streaming node, and this is
    how its rounds are seen. A step that is still open when the node ends, ends with it.

    >>> yield Step("round_1")
    >>> ...
    >>> yield Step("round_1", "success")
    """

    name: str
    """Unique within the node; reported as ``node.name``, and ``node[index].name`` of an item of a fan-out."""
    status: NodeStatus | None = None
    """None: the step begins."""
