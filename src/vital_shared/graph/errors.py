"""Errors of a graph, or of a node that runs in it.

::

    GraphError
    ├── PlanError         the class is wrong: raised when it is defined
    ├── NodeTimeout       a node exceeded its declared timeout (also a `TimeoutError`)
    ├── NodeError         a node broke the rules of the engine while it ran
    │   └── EffectInterrupted   (effects.py) it was cut off elsewhere, and its effects are not repeated
    └── CheckpointError   a checkpoint does not fit the plan, or a value does not fit into a checkpoint
        └── AnswerError   the answers do not fit what the run waits for

An error that a node itself raises leaves the run unchanged, with a note that names the node.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AnswerError",
    "CheckpointError",
    "GraphError",
    "NodeError",
    "NodeTimeout",
    "PlanError",
    "PlanWarning",
]


class GraphError(Exception):
    """The root of the engine's own errors."""


class PlanError(GraphError):
    """The class does not describe a graph; the message names the node with its file and line."""


class PlanWarning(UserWarning):
    """The class describes a graph that is probably not the intended one."""


class NodeError(GraphError):
    """A node broke the rules of the engine.

    :param node: the node's name.
    """

    def __init__(self, message: str, *, node: str) -> None:
        super().__init__(message)
        self.node = node


class NodeTimeout(NodeError, TimeoutError):
    """A node exceeded its declared timeout.

    :param seconds: the declared timeout.
    """

    def __init__(self, *, node: str, seconds: float) -> None:
        super().__init__(f"node '{node}' took longer than its {seconds:g} s", node=node)
        self.seconds = seconds


class CheckpointError(GraphError):
    """A checkpoint does not fit the plan because the class has changed, or a value cannot be stored in it."""


class AnswerError(CheckpointError):
    """An answer to a paused run is missing, has a wrong type, or is not what the run waits for.

    :param path: the location of the error: the name of the answer and the path into it; empty for them all.
    """

    def __init__(self, message: str, *, path: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.path = tuple(path)
