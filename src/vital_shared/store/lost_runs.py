"""Ends the runs of processes that have died, as their journals have them, and enters what these have cost.

A durable run is not ended: the lease of its worker is, so that another one takes it over, see `OrphanRuns`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, select

from vital_shared.logs import get_logger
from vital_shared.store.charge_writer import ChargeWriter
from vital_shared.store.database import Database
from vital_shared.store.journal import Journal, OpenRun
from vital_shared.store.orphan_runs import declare_dead
from vital_shared.store.pending_settlement import PendingSettlement
from vital_shared.store.run_end import RunEnd
from vital_shared.store.run_record import LOST, EndedRun, read_input, to_ended
from vital_shared.store.settlement import Settlement, payer_of
from vital_shared.store.tables import runs

__all__ = ["LostRuns"]

logger = get_logger(__name__)

BATCH_RUNS: Final = 100

_COLUMNS: Final = (
    runs.c.id,
    runs.c.workflow,
    runs.c.input,
    runs.c.status,
    runs.c.deadline_at,
    runs.c.duration_seconds,
    runs.c.is_durable,
    runs.c.owner,
)


class LostRuns:
    """The runs that dead processes have left, and their ends.

    :param database: the store.
    :param journal: finds the files of these processes.
    :param charge_writer: writes the ends and the charges.
    """

    def __init__(self, database: Database, journal: Journal, charge_writer: ChargeWriter) -> None:
        self._database = database
        self._journal = journal
        self._charge_writer = charge_writer
        self._one_at_a_time = asyncio.Lock()

    async def end(self, now: datetime) -> tuple[EndedRun, ...]:
        """End their open runs, and enter what these have cost: exactly, or as an estimate that is flagged.

        What the store does not take stays in the files, for the next time.

        :returns: the runs that were lost with them.
        :raises StoreError: when the database does not answer.
        """
        lost: list[EndedRun] = []
        async with self._one_at_a_time:
            files = self._journal.read_abandoned()
            while (file := await asyncio.to_thread(next, files, None)) is not None:
                path, left = file
                entered = True
                for start in range(0, len(left), BATCH_RUNS):
                    entered = await self._enter(left[start : start + BATCH_RUNS], now, lost) and entered
                if entered:
                    path.unlink(missing_ok=True)
                    logger.warning("journal_entered", path=str(path), runs=len(left))
        return tuple(lost)

    async def _enter(self, left: Sequence[OpenRun], now: datetime, lost: list[EndedRun]) -> bool:
        """Enter some runs, add those that were lost, and return whether all of it is in the store."""
        statement = select(*_COLUMNS).where(runs.c.id.in_([run.run_id for run in left]))
        async with self._database.connect() as connection:
            found = await connection.execute(statement)
            rows = {row["id"]: row for row in found.mappings()}
        settlements = [
            PendingSettlement(each)
            for run in left
            if run.run_id in rows
            for each in _settlements(run, rows[run.run_id], now)
        ]
        entered = await self._charge_writer.write_now(settlements)
        await self._declare_dead(left, rows)
        for pending in settlements:
            end = pending.settlement.end
            if end is not None and end.error_type == LOST.error_type and pending.has_ended:
                lost.append(to_ended(rows[end.run_id])._replace(status="failed"))
        return entered

    async def _declare_dead(self, left: Sequence[OpenRun], rows: Mapping[str, RowMapping]) -> None:
        """Let the durable runs that the dead process had be taken over now."""
        dead = {
            rows[run.run_id]["owner"]
            for run in left
            if run.run_id in rows and rows[run.run_id]["is_durable"] and _is_running(run, rows[run.run_id])
        }
        if dead:
            async with self._database.begin() as connection:
                await connection.run_sync(declare_dead, dead)


def _is_running(run: OpenRun, row: RowMapping) -> bool:
    """Return whether the process that died was the last that had the run."""
    return bool(row["status"] == "running" and row["deadline_at"] == run.deadline_at)


def _settlements(run: OpenRun, row: RowMapping, now: datetime) -> Iterator[Settlement]:
    """Return what a run owes: its charges, and its end where this process had it still."""
    is_lost = _is_running(run, row) and not row["is_durable"]
    end = RunEnd(
        run_id=run.run_id,
        status="failed",
        finished_at=now,
        error_type=LOST.error_type,
        error_message=LOST.message,
        has_reservation=True,
        is_limited=True,
    )
    if run.owed is not None:
        yield run.owed
    payer = payer_of(read_input(row["input"]), row["workflow"])
    yield Settlement(
        run_id=run.run_id,
        payer=payer,
        at=now,
        charges=run.charges,
        end=end if is_lost and run.owed is None else None,
    )
