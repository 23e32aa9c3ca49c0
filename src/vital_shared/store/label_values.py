"""The values of the bounded labels that have names in metrics: decided once, for all workers, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from sqlalchemy import bindparam, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.errors import Conflict, NotFound
from vital_shared.models.label_value import LabelValue
from vital_shared.monitoring.label_use import LabelUse
from vital_shared.monitoring.labels import BoundedLabel
from vital_shared.monitoring.metrics import BOUNDED
from vital_shared.store.account_tables import label_values
from vital_shared.store.database import Database
from vital_shared.store.naming import Changes, Name, decide
from vital_shared.store.reserved_names import ReservedNames

__all__ = ["LabelValues", "Named"]

Named: TypeAlias = tuple[BoundedLabel, str]
"""A label and a value."""

_Names: TypeAlias = dict[str, dict[str, Name]]
"""The names of each label, by value."""

_ROW: Final = (label_values.c.label == bindparam("of_label"), label_values.c.value == bindparam("of_value"))


class LabelValues:
    """The named values: named while there is room, freed when unused; see `vital_shared.monitoring.labels`.

    :param labels: all that there are.
    :param use: sees which values are used; None: by all metrics.
    """

    def __init__(
        self, database: Database, labels: Sequence[BoundedLabel] = BOUNDED, use: LabelUse | None = None
    ) -> None:
        self._database = database
        self._labels = labels
        self._configured: list[tuple[str, str]] = []
        self._reserved = ReservedNames()
        self._stored: set[tuple[str, str]] = set()
        self._refused: set[tuple[str, str]] = set()
        """Configured values for which there was no room, since all places are taken by others like them."""
        self._use = use or LabelUse(labels)
        self._used: set[tuple[str, str]] = set()
        self._deciding = asyncio.Lock()
        """Held from reading the names until they are taken over: older ones would undo newer ones."""

    async def open(self, configured: Iterable[Named], *, now: datetime) -> None:
        """Take the names that there are, and give some to what is configured, here and in the store.

        Tenants come first that have spent the most.
        """
        self._configured = [(label.name, value) for label, value in configured]
        await self.refresh(now=now)

    async def admit(
        self, values: Iterable[Named], reserved: Iterable[Named] = (), *, now: Callable[[], datetime]
    ) -> None:
        """Give names to what a request brings; the store is asked only where something is new.

        :param reserved: values that are configured.
        """
        wanted = [
            (label.name, value)
            for label, value in values
            if value not in label.names and not label.is_full and label.accepts(value)
        ]
        configured = [
            (label.name, value)
            for label, value in reserved
            if value not in label.names and (label.name, value) not in self._refused and label.accepts(value)
        ]
        if wanted or configured:
            async with self._deciding:
                await self._change(now(), wanted, configured)

    async def refresh(self, *, now: datetime) -> None:
        """Take over what other processes have decided; free what is unused, store what was given here."""
        async with self._deciding:
            self._used |= self._use.take()
            async with self._database.connect() as connection:
                names, reserved = await self._read(connection), await self._reserved.read(connection)
            if any(self._decide(names, reserved, [], now).values()):
                await self._change(now, [], [])
            else:
                self._apply(names, reserved)

    async def all(self) -> tuple[LabelValue, ...]:
        """Return all names, by label and value."""
        statement = select(label_values).order_by(label_values.c.label, label_values.c.value)
        async with self._database.connect() as connection:
            return tuple(
                LabelValue(
                    label=row.label,
                    value=row.value,
                    since=row.admitted_at,
                    last_used=row.last_used_at,
                    reserved=row.is_reserved,
                )
                for row in await connection.execute(statement)
            )

    async def free(self, label: str, value: str) -> None:
        """Free a name at once; running engines follow with their next refresh.

        :raises NotFound: when there is none.
        :raises Conflict: when it is configured, and so would come back.
        """
        own = (label_values.c.label == label, label_values.c.value == value)
        async with self._database.begin() as connection:
            row = (await connection.execute(select(label_values).where(*own))).first()
            if row is None:
                raise NotFound(f'The label {label} has no name "{value}": see `vital ops labels`.')
            if row.is_reserved:
                raise Conflict(
                    f'The {label} "{value}" is configured, so its name is reserved: remove its keys, limits '
                    "or configuration first."
                )
            await connection.execute(delete(label_values).where(*own))
        for each in self._labels:
            if each.name == label:
                each.release(value)

    async def _change(
        self, now: datetime, wanted: Sequence[tuple[str, str]], configured: Sequence[tuple[str, str]]
    ) -> None:
        async with self._database.begin() as connection:
            if self._database.dialect == "postgresql":  # SQLite has one writer at a time anyway
                await connection.execute(text("LOCK TABLE label_values IN SHARE ROW EXCLUSIVE MODE"))
            names = await self._read(connection)
            reserved = [*await self._reserved.read(connection), *configured]
            for label, changes in self._decide(names, reserved, wanted, now).items():
                await _write(connection, label, changes, names[label])
        self._apply(names, reserved)

    async def _read(self, connection: AsyncConnection) -> _Names:
        """Read all names of each label, oldest first."""
        names: _Names = {label.name: {} for label in self._labels}
        columns = label_values.c
        statement = select(label_values).where(columns.label.in_(names))
        for row in await connection.execute(statement.order_by(columns.admitted_at, columns.value)):
            names[row.label][row.value] = Name(row.admitted_at, row.last_used_at, row.is_reserved)
        return names

    def _decide(
        self,
        names: _Names,
        reserved: Iterable[tuple[str, str]],
        wanted: Iterable[tuple[str, str]],
        now: datetime,
    ) -> Mapping[str, Changes]:
        by_label = _by_label([*self._configured, *reserved])
        new, used = _by_label(wanted), _by_label(self._used)
        return {
            label.name: decide(
                label,
                names[label.name],
                reserved=by_label.get(label.name, ()),
                wanted=[*self._given(label), *label.pending, *new.get(label.name, ())],
                used=frozenset(used.get(label.name, ())),
                now=now,
            )
            for label in self._labels
        }

    def _given(self, label: BoundedLabel) -> list[str]:
        """Return the names that this process has given by itself."""
        return [value for value in label.given if (label.name, value) not in self._stored]

    def _apply(self, names: _Names, reserved: Iterable[tuple[str, str]]) -> None:
        """Let the labels have the names that the store has."""
        before, self._stored = self._stored, {(label, value) for label in names for value in names[label]}
        self._used.clear()
        for label in self._labels:
            here = names[label.name]
            for value in label.given:
                if value not in here and (label.name, value) in before:
                    label.release(value)
            for value in here:
                label.admit(value)
            label.is_full = len(here) >= label.room
            label.pending.difference_update(here)
        wanted = {(label, value) for label, value in (*self._configured, *reserved) if label in names}
        self._refused = wanted - self._stored


async def _write(
    connection: AsyncConnection, label: str, changes: Changes, names: Mapping[str, Name]
) -> None:
    if changes.freed:
        freed = [{"of_label": label, "of_value": value} for value in changes.freed]
        await connection.execute(delete(label_values).where(*_ROW), freed)
    if changes.given:
        given = [
            {
                "label": label,
                "value": value,
                "admitted_at": names[value].admitted_at,
                "is_reserved": names[value].is_reserved,
            }
            for value in changes.given
        ]
        await connection.execute(insert(label_values), given)
    for value in changes.updated:
        name = names[value]
        row = {"last_used_at": name.last_used_at, "is_reserved": name.is_reserved}
        where = (label_values.c.label == label, label_values.c.value == value)
        await connection.execute(update(label_values).where(*where).values(row))


def _by_label(named: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {}
    for label, value in named:
        found.setdefault(label, {})[value] = None
    return {label: list(values) for label, values in found.items()}
