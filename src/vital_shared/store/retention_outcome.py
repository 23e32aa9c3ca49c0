"""The outcome of the last pass of retention, for whichever process is asked for it.

It is a row among the leases: one whose work is done. Its name is none that a lease can have.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.models.retention import RetentionOutcome
from vital_shared.store.database import Database
from vital_shared.store.source_tables import source_leases
from vital_shared.store.upsert import upsert

__all__ = ["last_outcome", "note_outcome"]

ROW: Final = ":retention:done"


async def note_outcome(database: Database, outcome: RetentionOutcome) -> None:
    """Replace the outcome of the pass before."""
    row = {"holder": outcome.model_dump_json(), "expires_at": outcome.ended_at}
    statement = upsert(source_leases, database.dialect).values(source=ROW, **row)
    async with database.begin() as connection:
        await connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=row))


async def last_outcome(connection: AsyncConnection) -> RetentionOutcome | None:
    """Return the outcome of the last pass; None: there was none yet."""
    statement = select(source_leases.c.holder).where(source_leases.c.source == ROW)
    found = (await connection.execute(statement)).scalar()
    return None if found is None else RetentionOutcome.model_validate_json(found)
