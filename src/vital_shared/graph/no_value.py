"""The error of a node that returns no value, but a coroutine, or a `Pause` that it had to raise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from types import CoroutineType
from typing import Any, Final

from vital_shared.graph.errors import NodeError
from vital_shared.graph.node import Done, Pause, Skip
from vital_shared.graph.pending_call import PendingCall
from vital_shared.graph.plan import Node

__all__ = ["DOUBTFUL_VALUES", "no_value"]

_HOLDERS: Final = frozenset({list, tuple, set, dict})
"""Collections in which coroutines are returned by mistake."""

DOUBTFUL_VALUES: Final = frozenset({CoroutineType, PendingCall, Pause, Skip, Done}) | _HOLDERS
"""The types of what nodes return by mistake: nothing was done, asked or left out then. A collection is looked
into."""

MAX_SEARCHED_ITEMS: Final = 32
"""Items of a collection that are looked at: coroutines come from one comprehension, and stand in front."""


def no_value(node: Node, value: Any) -> NodeError | None:
    """Return the error, which names the way; a coroutine is closed. None: it is a value."""
    kind = type(value).__name__
    if type(value) in _HOLDERS:
        calls = _calls_of(value)
        if not calls:
            return None
        mistake = (
            f"returned a {kind} of coroutines: write await asyncio.gather(…) around the calls of {calls}(…)"
        )
    elif isinstance(value, CoroutineType | PendingCall):
        mistake = f"returned a coroutine: write await in front of {_closed(value)}(…)"
    elif isinstance(value, Done):
        mistake = "returned Done(…), which generators yield: return the value itself"
    else:
        mistake = f"returned {kind}(…): write raise {kind}(…)"
    return NodeError(f"node '{node.name}' ({node.place}) {mistake}", node=node.name)


def _calls_of(value: Iterable[Any]) -> str:
    """Close the coroutines of a collection, and return the name of the first; empty: it holds none."""
    items = value.values() if isinstance(value, Mapping) else value
    searched = islice(items, MAX_SEARCHED_ITEMS)
    names = [_closed(each) for each in searched if isinstance(each, CoroutineType | PendingCall)]
    return names[0] if names else ""


def _closed(call: CoroutineType[Any, Any, Any] | PendingCall[Any]) -> str:
    """Close a coroutine, and return the name of what was called."""
    call.close()
    return call.site.name if isinstance(call, PendingCall) else call.__qualname__.rpartition(".")[2]
