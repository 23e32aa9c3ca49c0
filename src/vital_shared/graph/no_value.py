"""The error of a node that returns what is no value: a coroutine, or a `Pause` that it had to raise."""

from __future__ import annotations

from types import CoroutineType
from typing import Any, Final

from vital_shared.graph.errors import NodeError
from vital_shared.graph.node import Done, Pause, Skip
from vital_shared.graph.pending_call import PendingCall
from vital_shared.graph.plan import Node

__all__ = ["NO_VALUES", "no_value"]

NO_VALUES: Final = frozenset({CoroutineType, PendingCall, Pause, Skip, Done})
"""The types of what nodes return by mistake: nothing was done, asked or left out then."""


def no_value(node: Node, value: Any) -> NodeError:
    """Return the error, which names the way; a coroutine is closed."""
    kind = type(value).__name__
    if isinstance(value, CoroutineType | PendingCall):
        value.close()
        called = value.name if isinstance(value, PendingCall) else value.__qualname__.rpartition(".")[2]
        mistake = f"returned a coroutine: write await in front of {called}(…)"
    elif isinstance(value, Done):
        mistake = "returned Done(…), which generators yield: return the value itself"
    else:
        mistake = f"returned {kind}(…): write raise {kind}(…)"
    return NodeError(f"node '{node.name}' ({node.place}) {mistake}", node=node.name)
