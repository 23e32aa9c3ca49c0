"""Enters the calls of durable runs that have ended, or begin again, without their worker."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from vital_shared.logs import get_logger
from vital_shared.store.charge_writer import ChargeWriter
from vital_shared.store.database import Database
from vital_shared.store.durable_tables import run_calls
from vital_shared.store.pending_settlement import PendingSettlement
from vital_shared.store.run_calls import calls_of
from vital_shared.store.run_record import read_input
from vital_shared.store.settlement import Settlement, payer_of
from vital_shared.store.tables import runs

__all__ = ["LostCalls"]

logger = get_logger(__name__)

BATCH_RUNS: Final = 100

_ENDED: Final = (
    select(runs.c.id, runs.c.input, runs.c.workflow)
    .where(
        runs.c.id.in_(select(run_calls.c.run_id).where(run_calls.c.charge.is_not(None))),
        runs.c.status.not_in(("running", "awaiting_approval")),
    )
    .limit(BATCH_RUNS)
)


class LostCalls:
    """The calls that are left of runs that no worker has.

    :param database: the store.
    :param charge_writer: writes the charges, and counts them.
    """

    def __init__(self, database: Database, charge_writer: ChargeWriter) -> None:
        self._database = database
        self._charge_writer = charge_writer

    async def enter(self, now: datetime) -> None:
        """Enter what they have cost: exactly, or as an estimate that is flagged.

        What the store does not take stays, for the next time.

        :raises StoreError: when the database does not answer.
        """
        entered: set[str] = set()
        while settlements := await self._database.read(lambda connection: _settlements(connection, now)):
            found = {each.run_id for each in settlements}
            if found <= entered:  # nothing takes them: they are logged
                return
            if not await self._charge_writer.write_now([PendingSettlement(each) for each in settlements]):
                return
            logger.warning("lost_calls_entered", runs=len(found))
            entered |= found


def _settlements(connection: Connection, now: datetime) -> list[Settlement]:
    return [
        Settlement(
            run_id=row["id"],
            payer=payer_of(read_input(row["input"]), row["workflow"]),
            at=now,
            charges=calls_of(connection, row["id"]),
            clears_calls=True,
        )
        for row in connection.execute(_ENDED).mappings()
    ]
