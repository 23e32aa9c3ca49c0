"""What can be wrong with a graph, or with a node that runs in it.

::

    GraphError
    ├── PlanError         the class is wrong: raised when it is defined
    ├── NodeTimeout       a node took longer than it declared (a `TimeoutError` too)
    ├── NodeError         a node broke the rules of the engine while it ran
    └── CheckpointError   a checkpoint does not fit the plan

What a node itself raises leaves the run as it is, with a note that names the node.
"""

from __future__ import annotations

__all__ = ["CheckpointError", "GraphError", "NodeError", "NodeTimeout", "PlanError"]


class GraphError(Exception):
    """The root of the engine's own errors."""


class PlanError(GraphError):
    """A class does not describe a graph; the message names the node and its file line."""


class NodeError(GraphError):
    """A node broke the rules of the engine.

    :param node: the node's name.
    """

    def __init__(self, message: str, *, node: str) -> None:
        super().__init__(message)
        self.node = node


class NodeTimeout(NodeError, TimeoutError):
    """A node took longer than it declared.

    :param seconds: what it declared.
    """

    def __init__(self, *, node: str, seconds: float) -> None:
        super().__init__(f"node '{node}' took longer than its {seconds:g} s", node=node)
        self.seconds = seconds


class CheckpointError(GraphError):
    """A checkpoint does not fit the plan: the class has changed since it was made."""
