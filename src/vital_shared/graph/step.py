"""Parts of a node's work with their own line in the waterfall, such as the rounds of a loop."""

from __future__ import annotations

from dataclasses import dataclass

from vital_shared.graph.outcome import NodeStatus

__all__ = ["Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a streaming node's work, to be yielded when it begins and again, with a status, when it ends.

    Graphs have no cycles; repeated work is a bounded loop within one streaming node, and steps make its
    rounds visible. A step that is still open when the node ends, ends with it.

    >>> yield Step("round_1")
    >>> ...
    >>> yield Step("round_1", "success")
    """

    name: str
    """The name, unique within the node; reported as ``node.name``, or ``node[index].name`` in a fan-out."""
    status: NodeStatus | None = None
    """The status at the end; None: the step begins."""
