"""The durable runs whose workers have died, and how another worker takes one over."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, exists, select, update

from vital_shared.logs import get_logger
from vital_shared.models.fence import Fence
from vital_shared.settings import MAX_LEASE_SECONDS
from vital_shared.store.account_tables import reservations
from vital_shared.store.database import Database
from vital_shared.store.durable_tables import workers
from vital_shared.store.fencing import fenced, is_current
from vital_shared.store.limit_check import extend_limits
from vital_shared.store.live_workers import is_live
from vital_shared.store.open_runs import IS_RUNNING
from vital_shared.store.requeue import start_over
from vital_shared.store.run_calls import CarriedCalls, carry_calls, close_calls
from vital_shared.store.run_end import RunEnd
from vital_shared.store.run_nodes import finished_nodes, forget_nodes
from vital_shared.store.run_record import LOST, EndedRun, RunRecord, to_ended, to_record
from vital_shared.store.tables import runs
from vital_shared.store.worker_lease import RELEASED_AT, database_seconds

__all__ = ["OrphanRun", "OrphanRuns", "TakenRun", "declare_dead"]

logger = get_logger(__name__)

_COLUMNS: Final = (
    runs.c.id,
    runs.c.tenant_id,
    runs.c.workflow,
    runs.c.plan,
    runs.c.owner,
    runs.c.epoch,
    runs.c.takeovers,
    runs.c.deadline_at,
    runs.c.is_durable,
)

DECLARED_DEAD_AT: Final = 1.0
"""The end of the lease of a worker whose process is known to be dead."""


FORGET_AFTER_SECONDS: Final = 3_600.0
"""The time for which a worker that may have stood still keeps its row, by which its runs are found."""


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
    lease_until: float
    """The end of its worker's lease, by the database's clock, in seconds since 1970."""
    late_seconds: float
    """The time since then; infinite where that is not known."""
    is_durable: bool = True
    """Whether another worker can go on with it."""

    @property
    def was_given_up(self) -> bool:
        """Whether its worker has ended in order."""
        return self.lease_until == RELEASED_AT

    @property
    def is_certain(self) -> bool:
        """Whether its worker is known to be gone; otherwise it may be that the store could not be reached."""
        return self.lease_until <= DECLARED_DEAD_AT


class _FoundOrphans(NamedTuple):
    """The durable runs of dead workers, at one look."""

    runs: tuple[OrphanRun, ...]
    has_impossible_lease: bool
    """Whether a lease is longer than any that a worker takes: the database's clock was set back since."""


class TakenRun(NamedTuple):
    """A run that this worker has taken over."""

    record: RunRecord
    finished: dict[str, str]
    """JSON of what its finished nodes have made, by their names."""
    calls: CarriedCalls
    """The charges of its calls, and the nodes with effects that have begun."""
    late_seconds: float
    """The time since the end of its worker's lease; infinite where that is not known."""


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
        found = await self._database.read(_orphans)
        if found.has_impossible_lease:
            shortened = await self._database.write(_shorten_leases)
            logger.warning("worker_leases_shortened", workers=shortened)
        return found.runs

    async def of_worker(self, owner: str, run_ids: Collection[str]) -> tuple[OrphanRun, ...]:
        """Return those of some runs that go on at a worker, as the store has it.

        :raises StoreError: when the database does not answer.
        """
        return await self._database.read(partial(_of_worker, owner=owner, run_ids=run_ids))

    async def take_over(self, orphan: OrphanRun, *, owner: str, deadline_at: datetime) -> TakenRun | None:
        """Make a worker the owner of a run, in its next epoch; of many who try, one gets it.

        From then on all that its last owner writes of it is refused. That may be the same worker, where it
        has lost track of the run.

        :param deadline_at: the time when the run counts as lost; what it has reserved lasts as long.
        :returns: the run with its finished nodes; None: another worker was faster, or the run has ended.
        :raises StoreError: when the database does not answer.
        """
        return await self._database.write(
            partial(_take_over, orphan=orphan, owner=owner, deadline_at=deadline_at)
        )

    async def give_up(
        self, orphan: OrphanRun, message: str, now: datetime, *, owner: str, starts_over: bool = False
    ) -> EndedRun | None:
        """End a run that no worker can go on with; None: it has ended, a worker has it, or its queue has it.

        What its calls have cost is left for `LostCalls`.

        :param message: the reason, for its user.
        :param owner: the worker that gives it up.
        :param starts_over: whether a background run loses what its nodes have made, since no worker could
            go on from that.
        :raises StoreError: when the database does not answer.
        """
        job = partial(_give_up, orphan=orphan, message=message, now=now, owner=owner, starts_over=starts_over)
        return await self._database.write(job)

    async def forget_workers(self) -> None:
        """Delete the workers that are gone, or have given no sign for long, and have left no run.

        :raises StoreError: when the database does not answer.
        """
        await self._database.write(_forget_workers)


def _orphans(connection: Connection) -> _FoundOrphans:
    now = database_seconds(connection.dialect.name)
    late_seconds = now - workers.c.lease_until
    unusual = (late_seconds >= 0) | (late_seconds < -MAX_LEASE_SECONDS)
    leases = select(workers.c.id, workers.c.lease_until, late_seconds.label("late_seconds")).where(unusual)
    ends = {row.id: (row.lease_until, row.late_seconds) for row in connection.execute(leases)}
    dead = [owner for owner, (_, late) in ends.items() if late >= 0]
    has_impossible_lease = len(dead) < len(ends)
    if not dead:
        return _FoundOrphans((), has_impossible_lease)
    left = select(*_COLUMNS).where(IS_RUNNING, runs.c.is_durable, runs.c.owner.in_(dead))
    orphans = tuple(_orphan(row, *ends[row["owner"]]) for row in connection.execute(left).mappings())
    return _FoundOrphans(orphans, has_impossible_lease)


def _shorten_leases(connection: Connection) -> int:
    """End each lease as late as a worker can have taken it now, and return how many ended later.

    Its worker renews it before that if it lives, and keeps its runs.
    """
    latest = database_seconds(connection.dialect.name) + MAX_LEASE_SECONDS
    own = update(workers).where(workers.c.lease_until > latest)
    return connection.execute(own.values(lease_until=latest)).rowcount


def _of_worker(connection: Connection, *, owner: str, run_ids: Collection[str]) -> tuple[OrphanRun, ...]:
    own = select(*_COLUMNS).where(runs.c.id.in_(run_ids), runs.c.status == "running", runs.c.owner == owner)
    return tuple(_orphan(row, math.inf, math.inf) for row in connection.execute(own).mappings())


def _orphan(row: RowMapping, lease_until: float, late_seconds: float) -> OrphanRun:
    return OrphanRun(
        run_id=row["id"],
        tenant_id=row["tenant_id"],
        workflow=row["workflow"],
        plan=row["plan"],
        fence=Fence(row["owner"], row["epoch"]),
        takeovers=row["takeovers"],
        deadline_at=row["deadline_at"],
        lease_until=lease_until,
        is_durable=row["is_durable"],
        late_seconds=math.inf if lease_until <= DECLARED_DEAD_AT else late_seconds,
    )


def _take_over(
    connection: Connection, orphan: OrphanRun, owner: str, deadline_at: datetime
) -> TakenRun | None:
    own = update(runs).where(
        runs.c.id == orphan.run_id,
        runs.c.status == "running",
        *fenced(orphan.fence),
        *_is_left(orphan, owner, connection.dialect.name),
    )
    takeovers = runs.c.takeovers + (0 if orphan.was_given_up or orphan.fence.owner == owner else 1)
    taken = own.values(owner=owner, epoch=runs.c.epoch + 1, takeovers=takeovers, deadline_at=deadline_at)
    row = connection.execute(taken.returning(*runs.c)).mappings().first()
    if row is None:
        return None
    connection.execute(
        update(reservations).where(reservations.c.run_id == orphan.run_id).values(expires_at=deadline_at)
    )
    extend_limits(connection, orphan.run_id, deadline_at)
    finished = finished_nodes(connection, orphan.run_id)
    calls = carry_calls(connection, orphan.run_id)
    return TakenRun(to_record(row), finished, calls, orphan.late_seconds)


def _is_left(orphan: OrphanRun, owner: str, dialect: str) -> Iterator[ColumnElement[bool]]:
    """Select where the lease of a run's worker is still over, as seen by one whose own lease is not."""
    if orphan.fence.owner == owner:
        return
    yield exists().where(
        workers.c.id == orphan.fence.owner, workers.c.lease_until <= database_seconds(dialect)
    )
    if not orphan.is_certain:  # where the store's clock was set, all leases are over, this worker's too
        yield is_live(owner, dialect)


def _give_up(
    connection: Connection,
    orphan: OrphanRun,
    message: str,
    now: datetime,
    owner: str,
    starts_over: bool,
) -> EndedRun | None:
    left = select(runs.c.id).where(
        runs.c.id == orphan.run_id, *_is_left(orphan, owner, connection.dialect.name)
    )
    if not is_current(connection, orphan.run_id, orphan.fence) or connection.execute(left).first() is None:
        return None
    carry_calls(connection, orphan.run_id)  # before what is reserved is let go
    if starts_over:
        start_over(connection, orphan.run_id)
    end = RunEnd(
        run_id=orphan.run_id,
        status="failed",
        finished_at=now,
        error_type=LOST.error_type,
        error_message=message,
        has_reservation=True,
        is_limited=True,
        fence=orphan.fence,
    )
    if not end.write(connection):  # a background run is back in its queue, and no effect of it is repeated
        return None
    close_calls(connection, orphan.run_id)
    forget_nodes(connection, orphan.run_id)
    ended = select(runs).where(runs.c.id == orphan.run_id)
    return to_ended(connection.execute(ended).mappings().one())


def declare_dead(connection: Connection, ids: Collection[str]) -> None:
    """End the leases of workers whose processes are known to be dead."""
    own = update(workers).where(workers.c.id.in_(ids), workers.c.lease_until > DECLARED_DEAD_AT)
    connection.execute(own.values(lease_until=DECLARED_DEAD_AT))


def _forget_workers(connection: Connection) -> None:
    left = exists().where(IS_RUNNING, runs.c.is_durable, runs.c.owner == workers.c.id)
    over = workers.c.lease_until <= database_seconds(connection.dialect.name) - FORGET_AFTER_SECONDS
    connection.execute(delete(workers).where(over, ~left))
