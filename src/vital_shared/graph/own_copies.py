"""Give each reader its own copy of a list, dictionary or set, since values are written once, by one node.

Otherwise a reader that sorts or extends such a value would change it for all others, depending on the order
in which they run. The copy is shallow: its items are shared.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from vital_shared.graph.value_fit import classes_of

__all__ = ["copying_taker", "may_change"]

_CHANGEABLE: Final = (list, dict, set, bytearray, deque, defaultdict, OrderedDict, Counter)
_COPIED: Final = frozenset(_CHANGEABLE)


def may_change(kind: Any) -> bool:
    """Return whether a value of a declared type may be a collection that its readers can change."""
    return any(
        issubclass(each, _CHANGEABLE) or any(issubclass(one, each) for one in _CHANGEABLE)
        for each in classes_of(kind)
    )


def copying_taker(slots: Sequence[int]) -> Callable[[list[Any]], tuple[Any, ...]]:
    """Make the function that takes arguments out of all values, each collection as a copy."""

    def take(values: list[Any]) -> tuple[Any, ...]:
        arguments = [values[slot] for slot in slots]
        for position, value in enumerate(arguments):
            if type(value) in _COPIED:
                arguments[position] = value.copy()
        return tuple(arguments)

    return take
