"""Which values of the bounded labels have names in metrics: decided once, for all workers, and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Select, func, insert, select, text, union
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.monitoring.labels import BoundedLabel
from vital_shared.monitoring.metrics import BOUNDED, TENANT
from vital_shared.store.account_tables import api_keys, budgets, label_values, spending
from vital_shared.store.database import Database
from vital_shared.store.tables import SHARED

__all__ = ["LabelValues", "Named"]

Named = tuple[BoundedLabel, str]
"""A label and a value."""


class LabelValues:
    """Gives names while there is room; see `vital_shared.monitoring.labels`.

    :param labels: all that there are.
    """

    def __init__(self, database: Database, labels: Sequence[BoundedLabel] = BOUNDED) -> None:
        self._database = database
        self._labels = labels
        self._stored: set[tuple[str, str]] = set()

    async def open(self, known: Iterable[Named], *, now: datetime) -> None:
        """Take the names that there are, and give some to what is known: first to tenants, then to these.

        Tenants are known that have keys or limits; those that have spent the most come first.
        """
        tenants = [(TENANT, tenant) for tenant in await self.known_tenants()]
        await self._admit([*tenants, *known], now)

    async def known_tenants(self) -> list[str]:
        """Name the tenants that have keys or limits, those first that have spent the most."""
        async with self._database.connect() as connection:
            return list(await connection.scalars(_known_tenants()))

    async def admit(self, values: Iterable[Named], *, now: Callable[[], datetime]) -> None:
        """Give names to what a request brings; the store is asked only where something is new."""
        new = [
            (label, value)
            for label, value in values
            if value not in label.names and not label.is_full and label.accepts(value)
        ]
        if new:
            await self._admit(new, now())

    async def keep(self, *, now: datetime) -> None:
        """Store the names that this process has given by itself."""
        if any(
            (label.name, value) not in self._stored for label, value in self._given() if not label.is_full
        ):
            await self._admit((), now)

    def _given(self) -> Iterator[Named]:
        return ((label, value) for label in self._labels for value in label.given)

    async def _admit(self, new: Iterable[Named], now: datetime) -> None:
        async with self._database.begin() as connection:
            names = await self._locked(connection)
            given = self._give((*self._given(), *new), names)
            if given:
                rows = [{"label": name, "value": value, "admitted_at": now} for name, value in given]
                await connection.execute(insert(label_values), rows)
        self._stored = {(name, value) for name, values in names.items() for value in values}
        for label in self._labels:
            for value in names[label.name]:
                label.admit(value)
            label.is_full = len(names[label.name]) >= label.room

    def _give(self, wanted: Iterable[Named], names: Mapping[str, list[str]]) -> list[tuple[str, str]]:
        """Add to the names what there is room for, and return what was added."""
        room = {label.name: label.room for label in self._labels}
        given = []
        for label, value in wanted:
            there = names[label.name]
            if value not in there and len(there) < room[label.name] and label.accepts(value):
                there.append(value)
                given.append((label.name, value))
        return given

    async def _locked(self, connection: AsyncConnection) -> dict[str, list[str]]:
        """Read all names of each label, oldest first; nobody else gives one until the transaction ends."""
        if self._database.dialect == "postgresql":  # SQLite has one writer at a time anyway
            await connection.execute(text("LOCK TABLE label_values IN SHARE ROW EXCLUSIVE MODE"))
        names: dict[str, list[str]] = {label.name: [] for label in self._labels}
        columns = label_values.c
        statement = select(columns.label, columns.value).where(columns.label.in_(names))
        for name, value in await connection.execute(statement.order_by(columns.admitted_at, columns.value)):
            names[name].append(value)
        return names


def _known_tenants() -> Select[tuple[str]]:
    known = union(
        select(api_keys.c.tenant_id).where(api_keys.c.revoked_at.is_(None), api_keys.c.tenant_id != SHARED),
        select(budgets.c.tenant_id),
    ).subquery()
    spent = select(func.sum(spending.c.cost_nanos)).where(
        spending.c.tenant_id == known.c.tenant_id, func.length(spending.c.period) == len("2026-11")
    )
    return select(known.c.tenant_id).order_by(
        func.coalesce(spent.scalar_subquery(), 0).desc(), known.c.tenant_id
    )
