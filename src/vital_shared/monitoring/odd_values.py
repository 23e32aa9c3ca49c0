"""Values that a metric cannot take: counting never fails, so they are left out, logged and counted."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from vital_shared.logs import get_logger

__all__ = ["is_countable", "is_measurable", "on_ignored"]

logger = get_logger(__name__)

_logged: Final[set[str]] = set()
"""The metrics of which an odd value was logged: once each, since the same mistake is made again and again."""

_listeners: Final[list[Callable[[], object]]] = []


def on_ignored(call: Callable[[], object]) -> None:
    """Have something called whenever a value is left out."""
    _listeners.append(call)


def is_countable(name: str, value: object) -> bool:
    """Return whether a counter can grow by a value: a number from 0 up, and finite."""
    try:
        if 0 <= value < inf:  # type: ignore[operator]  # another type is one of the odd values
            return True
    except TypeError:
        pass
    _ignore(name, value)
    return False


def is_measurable(name: str, value: object) -> bool:
    """Return whether a histogram can take a value: a finite number."""
    try:
        if -inf < value < inf:  # type: ignore[operator]  # as above
            return True
    except TypeError:
        pass
    _ignore(name, value)
    return False


def _ignore(name: str, value: object) -> None:
    for call in _listeners:
        call()
    if name not in _logged:
        _logged.add(name)
        logger.error("metric_value_ignored", metric=name, value=repr(value)[:100])
