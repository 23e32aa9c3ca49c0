"""Writes that can never succeed: set aside, so that they hold up nothing, until somebody has seen to them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select, update

from vital_shared.errors import Conflict, NotFound
from vital_shared.models.dead_letter import DeadLetter
from vital_shared.store.admission import release
from vital_shared.store.database import Database
from vital_shared.store.dead_letter_table import dead_letters
from vital_shared.store.settlement import Settlement
from vital_shared.store.upsert import upsert
from vital_shared.store.write_errors import describe, is_refusal

__all__ = ["DeadLetterStore", "set_aside"]

_OPEN: Final[ColumnElement[bool]] = dead_letters.c.resolved.is_(None)

MAX_ERROR_CHARACTERS: Final = 1_000

MAX_ID: Final = 2**63 - 1
"""Largest number that the column holds; there is none beyond, and asking for one is an error."""


def set_aside(connection: Connection, settlement: Settlement, error: str, at: datetime) -> None:
    """Keep a part that cannot be written; again changes nothing.

    :param error: the reason, in one sentence.
    """
    if settlement.end is not None and settlement.end.has_reservation:
        release(connection, settlement.run_id)
    row = {
        "kind": settlement.kind,
        "tenant_id": settlement.payer.tenant_id,
        "run_id": settlement.run_id,
        "item": settlement.item,
        "payload": settlement.to_json(),
        "error": error[:MAX_ERROR_CHARACTERS],
        "attempts": 1,
        "at": at,
    }
    statement = upsert(dead_letters, connection.dialect.name).values(row)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["run_id", "item"]))


class DeadLetterStore:
    """Charges and run ends that were set aside, of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self) -> int:
        """Return how many nobody has seen to."""
        async with self._database.connect() as connection:
            return (await connection.scalar(select(func.count()).where(_OPEN))) or 0

    async def list(self, *, resolved: bool = False, limit: int = 1_000) -> tuple[DeadLetter, ...]:
        """Return those that nobody has seen to, oldest first.

        :param resolved: the others, too.
        """
        statement = select(dead_letters).order_by(dead_letters.c.id).limit(limit)
        if not resolved:
            statement = statement.where(_OPEN)
        async with self._database.connect() as connection:
            return tuple(_letter(row) for row in (await connection.execute(statement)).mappings())

    async def get(self, letter_id: int) -> DeadLetter:
        """Return one.

        :raises NotFound: when there is none.
        """
        statement = select(dead_letters).where(dead_letters.c.id == letter_id)
        row = None
        if 0 < letter_id <= MAX_ID:
            async with self._database.connect() as connection:
                row = (await connection.execute(statement)).mappings().first()
        if row is None:
            raise NotFound(
                f"There is no dead letter {letter_id}: see `vital ops dead-letters list`", field="id"
            )
        return _letter(row)

    async def retry(self, letter_id: int, *, now: datetime) -> DeadLetter:
        """Try the write again, and return what has become of it: still open where it failed again.

        :raises NotFound: when there is none.
        :raises Conflict: when somebody has seen to it.
        :raises StoreError: when the database is away.
        """
        letter = await self._open(letter_id)
        payload = json.dumps(letter.payload)

        def write(connection: Connection) -> None:
            settlement = Settlement.model_validate_json(payload)
            if _resolve(connection, letter_id, "written", now):
                settlement.write(connection)

        try:
            await self._database.put(write)
        except Exception as error:
            if not is_refusal(error):
                raise
            reason = describe(error)
            await self._database.put(lambda connection: _note_failure(connection, letter_id, reason))
        return await self.get(letter_id)

    async def discard(self, letter_id: int, *, now: datetime) -> DeadLetter:
        """Give a write up; its row stays.

        :raises NotFound: when there is none.
        :raises Conflict: when somebody has seen to it.
        """
        await self._open(letter_id)
        await self._database.put(lambda connection: _resolve(connection, letter_id, "discarded", now))
        return await self.get(letter_id)

    async def _open(self, letter_id: int) -> DeadLetter:
        letter = await self.get(letter_id)
        if letter.resolved is not None:
            raise Conflict(f"The dead letter {letter_id} is {letter.resolved} already.", field="id")
        return letter


def _resolve(connection: Connection, letter_id: int, resolved: str, now: datetime) -> bool:
    statement = update(dead_letters).where(dead_letters.c.id == letter_id, _OPEN)
    return bool(connection.execute(statement.values(resolved=resolved, resolved_at=now)).rowcount)


def _note_failure(connection: Connection, letter_id: int, error: str) -> None:
    connection.execute(
        update(dead_letters)
        .where(dead_letters.c.id == letter_id)
        .values(attempts=dead_letters.c.attempts + 1, error=error[:MAX_ERROR_CHARACTERS])
    )


def _letter(row: RowMapping) -> DeadLetter:
    return DeadLetter(**dict(row) | {"payload": json.loads(row["payload"])})
