"""Baselines: the figures of a period under a name, for later periods to be compared with."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from vital_shared.errors import Conflict, NotFound
from vital_shared.store.baseline_table import baselines
from vital_shared.store.database import Database

__all__ = ["BaselineStore", "StoredBaseline"]


class StoredBaseline(NamedTuple):
    """A baseline as it is stored."""

    name: str
    saved_at: datetime
    figures: str
    """JSON."""


class BaselineStore:
    """The store of baselines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, baseline: StoredBaseline) -> None:
        """Store one.

        :raises Conflict: when its name is taken.
        :raises StoreError: when the database is not there.
        """
        taken = await self._find(baseline.name)

        def write(connection: Connection) -> None:
            connection.execute(insert(baselines).values(baseline._asdict()))

        if taken is not None:
            raise Conflict(
                f'There is a baseline "{baseline.name}" already: delete it, or take another name.',
                field="name",
            )
        await self._database.put(write)

    async def list(self) -> tuple[StoredBaseline, ...]:
        """Return all of them, the oldest first.

        :raises StoreError: when the database is not there.
        """
        statement = select(baselines).order_by(baselines.c.saved_at, baselines.c.name)
        async with self._database.connect() as connection:
            return tuple(StoredBaseline(*row) for row in await connection.execute(statement))

    async def get(self, name: str) -> StoredBaseline:
        """Return one.

        :raises NotFound: when there is none.
        :raises StoreError: when the database is not there.
        """
        found = await self._find(name)
        if found is None:
            raise NotFound(f'There is no baseline "{name}": see `vital baseline list`.', field="name")
        return found

    async def delete(self, name: str) -> None:
        """Delete one.

        :raises NotFound: when there is none.
        :raises StoreError: when the database is not there.
        """
        await self.get(name)
        await self._database.put(
            lambda connection: connection.execute(delete(baselines).where(baselines.c.name == name))
        )

    async def _find(self, name: str) -> StoredBaseline | None:
        async with self._database.connect() as connection:
            row = (await connection.execute(select(baselines).where(baselines.c.name == name))).first()
        return None if row is None else StoredBaseline(*row)
