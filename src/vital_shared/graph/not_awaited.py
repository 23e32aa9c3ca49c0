"""The error of an async node that returns a coroutine: its work has not been done."""

from __future__ import annotations

from types import CoroutineType
from typing import Any

from vital_shared.graph.errors import NodeError
from vital_shared.graph.plan import Node

__all__ = ["not_awaited"]


def not_awaited(node: Node, value: CoroutineType[Any, Any, Any]) -> NodeError:
    """Close the coroutine, and return the error."""
    value.close()
    called = value.__qualname__.rpartition(".")[2]
    return NodeError(
        f"node '{node.name}' ({node.place}) returned a coroutine: write await in front of {called}(…)",
        node=node.name,
    )
