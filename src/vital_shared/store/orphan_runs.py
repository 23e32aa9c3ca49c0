"""The durable runs whose workers have died, and how another worker takes one over."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, RowMapping, delete, exists, select, update

from vital_shared.models.fence import Fence
from vital_shared.store.account_tables import reservations
from vital_shared.store.database import Database
from vital_shared.store.durable_tables import workers
from vital_shared.store.fencing import fenced
from vital_shared.store.run_calls import CarriedCalls, carry_calls
from vital_shared.store.run_nodes import finished_nodes
from vital_shared.store.run_record import RunRecord, to_record
from vital_shared.store.tables import runs
from vital_shared.store.worker_lease import RELEASED_AT, database_seconds

__all__ = ["OrphanRun", "OrphanRuns", "TakenRun"]

_COLUMNS: Final = (
    runs.c.id,
    runs.c.tenant_id,
    runs.c.workflow,
    runs.c.plan,
    runs.c.owner,
    runs.c.epoch,
    runs.c.takeovers,
    runs.c.deadline_at,
)

_OPEN: Final = runs.c.status.in_(("running", "awaiting_approval"))
"""The condition of the index that has the open runs alone."""


class OrphanRun(NamedTuple):
    """A durable run whose worker has died, or has given it up."""

    run_id: str
    tenant_id: str
    workflow: str
    """The stored name of its class."""
    plan: str
    """The fingerprint of its plan."""
    fence: Fence
    """Its last owner and epoch."""
    takeovers: int
    """The number of workers that have died with it, this one not included."""
    deadline_at: datetime
    was_given_up: bool
    """Whether its worker has ended in order."""


class TakenRun(NamedTuple):
    """A run that this worker has taken over."""

    record: RunRecord
    finished: dict[str, str]
    """JSON of what its finished nodes have made, by their names."""
    calls: CarriedCalls
    """The charges of its calls, and the nodes with effects that have begun."""


class OrphanRuns:
    """The durable runs of dead workers.

    :param database: the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self) -> tuple[OrphanRun, ...]:
        """Return the durable runs of workers whose lease is over; costs one small read where there are none.

        :raises StoreError: when the database does not answer.
        """
        return await self._database.read(_orphans)

    async def take_over(self, orphan: OrphanRun, *, owner: str, deadline_at: datetime) -> TakenRun | None:
        """Make a worker the owner of a run, in its next epoch; of many who try, one gets it.

        From then on all that its last owner writes of it is refused.

        :param deadline_at: the time when the run counts as lost; what it has reserved lasts as long.
        :returns: the run with its finished nodes; None: another worker was faster, or the run has ended.
        :raises StoreError: when the database does not answer.
        """
        async with self._database.begin() as connection:
            return await connection.run_sync(_take_over, orphan, owner, deadline_at)

    async def forget_workers(self) -> None:
        """Delete the workers whose lease is over and that have left no run.

        :raises StoreError: when the database does not answer.
        """
        async with self._database.begin() as connection:
            await connection.run_sync(_forget_workers)


def _orphans(connection: Connection) -> tuple[OrphanRun, ...]:
    now = database_seconds(connection.dialect.name)
    dead = connection.execute(select(workers.c.id, workers.c.lease_until).where(workers.c.lease_until <= now))
    ends = {row.id: row.lease_until for row in dead}
    if not ends:
        return ()
    left = select(*_COLUMNS).where(
        _OPEN, runs.c.status == "running", runs.c.is_durable, runs.c.owner.in_(ends)
    )
    return tuple(_orphan(row, ends[row["owner"]]) for row in connection.execute(left).mappings())


def _orphan(row: RowMapping, lease_until: float) -> OrphanRun:
    return OrphanRun(
        run_id=row["id"],
        tenant_id=row["tenant_id"],
        workflow=row["workflow"],
        plan=row["plan"],
        fence=Fence(row["owner"], row["epoch"]),
        takeovers=row["takeovers"],
        deadline_at=row["deadline_at"],
        was_given_up=lease_until == RELEASED_AT,
    )


def _take_over(
    connection: Connection, orphan: OrphanRun, owner: str, deadline_at: datetime
) -> TakenRun | None:
    dead = exists().where(
        workers.c.id == orphan.fence.owner, workers.c.lease_until <= database_seconds(connection.dialect.name)
    )
    own = update(runs).where(
        runs.c.id == orphan.run_id, runs.c.status == "running", *fenced(orphan.fence), dead
    )
    takeovers = runs.c.takeovers + (0 if orphan.was_given_up else 1)
    taken = own.values(owner=owner, epoch=runs.c.epoch + 1, takeovers=takeovers, deadline_at=deadline_at)
    row = connection.execute(taken.returning(*runs.c)).mappings().first()
    if row is None:
        return None
    connection.execute(
        update(reservations).where(reservations.c.run_id == orphan.run_id).values(expires_at=deadline_at)
    )
    finished = finished_nodes(connection, orphan.run_id)
    return TakenRun(to_record(row), finished, carry_calls(connection, orphan.run_id))


def _forget_workers(connection: Connection) -> None:
    left = exists().where(_OPEN, runs.c.status == "running", runs.c.is_durable, runs.c.owner == workers.c.id)
    over = workers.c.lease_until <= database_seconds(connection.dialect.name)
    connection.execute(delete(workers).where(over, ~left))
