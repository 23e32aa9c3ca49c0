"""Errors of a graph, or of a node that runs in it.

::

    GraphError
    ├── PlanError         the class is wrong: raised when it is defined
    ├── NodeTimeout       a node took longer than it declared (a `TimeoutError` too)
    ├── NodeError         a node broke the rules of the engine while it ran
    │   └── EffectInterrupted   (effects.py) it was cut off elsewhere, and its effects are not repeated
    └── CheckpointError   a checkpoint does not fit the plan, or a value no checkpoint
        └── AnswerError   the answers do not fit what the run waits for

An error that a node itself raises leaves the run as it is, with a note that names the node.
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
    """A class does not describe a graph; the message names the node and its file line."""


class PlanWarning(UserWarning):
    """A class describes a graph that is probably not the one that was meant."""


class NodeError(GraphError):
    """A node broke the rules of the engine.

    :param node: the node's name.
    """

    def __init__(self, message: str, *, node: str) -> None:
        super().__init__(message)
        self.node = node


class NodeTimeout(NodeError, TimeoutError):
    """A node took longer than it declared.

    :param seconds: the declared timeout.
    """

    def __init__(self, *, node: str, seconds: float) -> None:
        super().__init__(f"node '{node}' took longer than its {seconds:g} s", node=node)
        self.seconds = seconds


class CheckpointError(GraphError):
    """A checkpoint does not fit the plan, since the class has changed; or a value cannot be kept in one."""


class AnswerError(CheckpointError):
    """The answers to a paused run lack one, name one that it does not wait for, or have a wrong type.

    :param path: the place of the fault: the name of the answer, and the way into it; empty for all of them.
    """

    def __init__(self, message: str, *, path: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.path = tuple(path)
