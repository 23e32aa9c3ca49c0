"""The labels of metrics: closed sets, and sets that grow up to a bound.

A value that came with a request is never a label's value just so: a metric with a series for each made-up
name is a leak of memory, here and in Prometheus.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Final

__all__ = [
    "LIMIT_VARIABLE",
    "OTHER",
    "WORKER_VARIABLE",
    "BoundedLabel",
    "DeclaredLabel",
    "Label",
    "label_limit",
]

OTHER: Final = "other"
"""Under this name all values are counted that have none of their own."""

LIMIT_VARIABLE: Final = "VITAL_METRIC_LABEL_VALUES"
WORKER_VARIABLE: Final = "VITAL_WORKER"
"""Set in a process that is one of several: there the store alone decides which values have names."""

MAX_NAME_CHARACTERS: Final = 200
"""Characters of a name; the fields of an input that become labels are no longer."""


MAX_DECLARED_VALUES: Final = 100
"""The most values of a label that the code declares; a program that makes classes in a loop has more."""


def label_limit() -> int:
    """Read how many names a bounded label may have; what is no number above 0 is the default, 100."""
    text = os.environ.get(LIMIT_VARIABLE, "")
    return int(text) if text.isdecimal() and int(text) > 0 else 100


def is_showable(value: str) -> bool:
    """Return whether a value could be a name: short, and without what cannot be shown."""
    return 0 < len(value) <= MAX_NAME_CHARACTERS and value.isprintable()


class Label:
    """A label with a closed set of values.

    :param name: as it is shown.
    :param values: all that there are; with `OTHER` among them, any other value is counted under it.
    """

    def __init__(self, name: str, values: Iterable[str]) -> None:
        self.name = name
        self.names = dict.fromkeys(values)
        """The values that are known now, in order."""

    @property
    def values(self) -> tuple[str, ...]:
        """The values that are known now, in order."""
        return tuple(self.names)

    @property
    def most(self) -> int:
        """The maximum number of values."""
        return len(self.names)

    def __contains__(self, value: str) -> bool:
        """Return whether the value is known."""
        return value in self.names

    def name_of(self, value: str) -> str:
        """Return under which name a value is counted.

        :raises ValueError: when it is none of a closed set.
        """
        if value in self.names:
            return value
        if OTHER in self.names:
            return OTHER
        raise ValueError(
            f'"{value}" is not a value of the label {self.name}: it has {", ".join(self.names)}.'
        )


class DeclaredLabel(Label):
    """A label whose values the code declares when it starts: its series exist from then on.

    :param name: as it is shown.
    :param values: those that are known before.
    :param limit: the most values, beyond which others are counted under `OTHER`.
    """

    def __init__(self, name: str, values: Iterable[str], limit: int = MAX_DECLARED_VALUES) -> None:
        super().__init__(name, values)
        self.known = tuple(self.names)
        self._limit = limit
        self._lock = Lock()
        self._declared: list[Callable[[Label, str], object]] = []

    def on_declared(self, call: Callable[[Label, str], object]) -> None:
        """Have something called with each new value."""
        self._declared.append(call)

    def declare(self, value: str) -> str:
        """Add a value, and return the one that it is counted under."""
        with self._lock:
            if value in self.names:
                return value
            if len(self.names) >= self._limit or not is_showable(value):
                value = OTHER
            if value in self.names:
                return value
            self.names[value] = None
        for call in self._declared:
            call(self, value)
        return value

    def forget(self) -> None:
        """Go back to what was known before; for tests."""
        with self._lock:
            self.names = dict.fromkeys(self.known)


class BoundedLabel(Label):
    """A label whose values are not known beforehand: a bounded number have a name, the others are `OTHER`.

    Which have one is decided once for all workers, by the store (`vital_shared.store.label_values`). A
    process that is alone may decide by itself, and the store keeps it later.

    :param name: as it is shown.
    :param known: values that have a name from the start.
    :param limit: the most names, besides `OTHER`; None: from the environment.
    :param earned: a value gets its name by `earn` or from the store, never by being counted.
    """

    def __init__(
        self, name: str, known: Iterable[str] = (), limit: int | None = None, *, earned: bool = False
    ) -> None:
        super().__init__(name, (OTHER, *known))
        self.limit = limit or label_limit()
        self.pending: set[str] = set()
        """Values that have earned a name, which only the store may give here."""
        self.is_full = False
        """Whether the store has no room for another name either."""
        self._earned = earned
        self._known = tuple(self.names)
        self._lock = Lock()
        self._admitted: list[Callable[[BoundedLabel, str], object]] = []
        self._released: list[Callable[[BoundedLabel, str], object]] = []
        self._overflowed: Callable[[str], object] = lambda _label: None

    @property
    def most(self) -> int:
        """The limit, and `OTHER`."""
        return self.limit + 1

    @property
    def room(self) -> int:
        """The number of names there can be besides those that are known from the start."""
        return self.limit + 1 - len(self._known)

    def is_known(self, value: str) -> bool:
        """Return whether the value has its name from the start."""
        return value in self._known

    @property
    def given(self) -> tuple[str, ...]:
        """The names that were given, in order."""
        return self.values[len(self._known) :]

    def accepts(self, value: str) -> bool:
        """Return whether a value could be a name: short, and without what cannot be shown."""
        return is_showable(value)

    def on_admitted(self, call: Callable[[BoundedLabel, str], object]) -> None:
        """Have something called with each value that is given a name."""
        self._admitted.append(call)

    def on_released(self, call: Callable[[BoundedLabel, str], object]) -> None:
        """Have something called with each value that loses its name."""
        self._released.append(call)

    def on_overflow(self, call: Callable[[str], object]) -> None:
        """Have something called with the label's name, whenever a value is counted under `OTHER`."""
        self._overflowed = call

    def admit(self, value: str) -> bool:
        """Give a value a name, and return whether it has one now; what no name should be gets none."""
        if not self.accepts(value):
            return False
        with self._lock:
            if value in self.names:
                return True
            if len(self.names) > self.limit:
                return False
            self.names[value] = None
        for call in self._admitted:
            call(self, value)
        return True

    def release(self, value: str) -> None:
        """Take a value's name away: from now on it counts under `OTHER`, and what it counted is dropped."""
        with self._lock:
            if value in self._known or value not in self.names:
                return
            del self.names[value]
        for call in self._released:
            call(self, value)

    def earn(self, value: str) -> None:
        """Give a name to a value that has succeeded, now or (among several workers) once the store has."""
        if value in self.names or self.is_full or not self.accepts(value):
            return
        if WORKER_VARIABLE not in os.environ:
            self.admit(value)
        elif len(self.pending) < self.limit:
            self.pending.add(value)

    def name_of(self, value: str) -> str:
        """Return the value's name, or `OTHER`, which is counted as an overflow."""
        if value in self.names:
            return value
        if not self._earned and WORKER_VARIABLE not in os.environ:
            self.earn(value)
            if value in self.names:
                return value
        self._overflowed(self.name)
        return OTHER

    def forget(self) -> None:
        """Go back to what was known from the start; for tests."""
        with self._lock:
            self.names, self.is_full = dict.fromkeys(self._known), False
            self.pending.clear()
