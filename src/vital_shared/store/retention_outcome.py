"""The outcome of the last pass of retention, for whichever process is asked for it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.models.retention import RetentionOutcome
from vital_shared.store.database import Database
from vital_shared.store.retention_table import retention_outcomes
from vital_shared.store.upsert import upsert

__all__ = ["last_outcome", "note_outcome"]

NAME: Final = "last"


async def note_outcome(database: Database, outcome: RetentionOutcome) -> None:
    """Replace the outcome of the pass before."""
    row = {"outcome": outcome.model_dump_json(), "ended_at": outcome.ended_at}
    statement = upsert(retention_outcomes, database.dialect).values(name=NAME, **row)
    async with database.begin() as connection:
        await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=row))


async def last_outcome(connection: AsyncConnection) -> RetentionOutcome | None:
    """Return the outcome of the last pass; None: there was none yet."""
    statement = select(retention_outcomes.c.outcome).where(retention_outcomes.c.name == NAME)
    found = (await connection.execute(statement)).scalar()
    return None if found is None else RetentionOutcome.model_validate_json(found)
