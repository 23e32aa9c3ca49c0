"""Decide which values of a bounded label have names: configured ones first, and no unused ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from vital_shared.monitoring.labels import BoundedLabel

__all__ = ["UNUSED_FOR", "Changes", "Name", "decide"]

UNUSED_FOR: Final = timedelta(days=7)
"""After this time without use a name is freed: longer than the window of any query."""

USE_NOTED_EVERY: Final = timedelta(hours=1)


@dataclass(slots=True)
class Name:
    """A name as it is stored."""

    admitted_at: datetime
    last_used_at: datetime | None = None
    is_reserved: bool = False

    @property
    def used_at(self) -> datetime:
        """The time of its last use, or else of its naming."""
        return self.last_used_at or self.admitted_at


@dataclass(slots=True)
class Changes:
    """Pending writes of one label: values to delete, to insert, and to update."""

    freed: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.freed or self.given or self.updated)


def decide(
    label: BoundedLabel,
    names: dict[str, Name],
    *,
    reserved: Collection[str],
    wanted: Iterable[str],
    used: Collection[str],
    now: datetime,
) -> Changes:
    """Change the names of a label as they should be, and return the changes.

    :param names: by value; they are changed.
    :param reserved: values that are configured, the most important first.
    :param wanted: other values that have earned a name.
    :param used: values under which something was counted lately.
    """
    changes, configured = Changes(), set(reserved)
    for value, name in list(names.items()):
        if _update(name, is_reserved=value in configured, is_used=value in used, now=now):
            changes.updated.append(value)
        if not name.is_reserved and name.used_at < now - UNUSED_FOR:
            _free(value, names, changes)
    for value in reserved:
        if value not in names and label.accepts(value) and not label.is_known(value):
            if len(names) >= label.room:
                _free_one(names, changes)
            if len(names) < label.room:
                names[value] = Name(now, is_reserved=True)
                changes.given.append(value)
    for value in wanted:
        if value not in names and label.accepts(value) and len(names) < label.room:
            names[value] = Name(now)
            changes.given.append(value)
    return changes


def _update(name: Name, *, is_reserved: bool, is_used: bool, now: datetime) -> bool:
    is_changed = name.is_reserved != is_reserved
    name.is_reserved = is_reserved
    if is_used and (name.last_used_at is None or name.last_used_at <= now - USE_NOTED_EVERY):
        name.last_used_at, is_changed = now, True
    return is_changed


def _free_one(names: dict[str, Name], changes: Changes) -> None:
    """Free the name unused for longest that is not reserved, if there is one."""
    others = [(name.used_at, value) for value, name in names.items() if not name.is_reserved]
    if others:
        _free(min(others)[1], names, changes)


def _free(value: str, names: dict[str, Name], changes: Changes) -> None:
    del names[value]
    changes.freed.append(value)
    for values in (changes.given, changes.updated):
        if value in values:
            values.remove(value)
