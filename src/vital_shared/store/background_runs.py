"""Background runs: stored as ``queued`` with the request, handed to the queue, and begun by a worker.

A run's row is the truth; the queue's items name a run and its attempt. So an item that comes twice, or late,
changes nothing, and a run whose item was not made before its process died gets one from another process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    bindparam,
    func,
    insert,
    literal,
    select,
    true,
    update,
)

from vital_shared.errors import QueueFull
from vital_shared.store.background_run_table import background_runs
from vital_shared.store.database import Database
from vital_shared.store.idempotency import IdempotencyKey, take_key
from vital_shared.store.live_workers import live_workers
from vital_shared.store.open_runs import IS_QUEUED, IS_RUNNING
from vital_shared.store.queue_turns import RUNS_IN_TURN
from vital_shared.store.requeue import requeue_lost
from vital_shared.store.run_nodes import forget_nodes
from vital_shared.store.run_record import (
    ENDED_COLUMNS,
    ENDED_WITHOUT_ANSWER,
    EndedRun,
    RunRecord,
    to_ended,
    to_row,
)
from vital_shared.store.tables import runs
from vital_shared.store.upsert import upsert
from vital_shared.store.webhook_deliveries import add_delivery

__all__ = ["BackgroundRunStore", "QueueDepth", "QueueItem", "QueuedRun"]

_NOTE_DISPATCHED: Final = (
    update(background_runs)
    .where(background_runs.c.run_id == bindparam("of"), background_runs.c.attempt == bindparam("at"))
    .values(dispatched=True)
)


class QueueItem(NamedTuple):
    """One attempt at a run, as the queue has it."""

    run_id: str
    attempt: int

    @property
    def id(self) -> str:
        """The item's name in the queue."""
        return f"{self.run_id}.{self.attempt}"

    @classmethod
    def parse(cls, text: str) -> QueueItem:
        """Read a name back."""
        run_id, _, attempt = text.rpartition(".")
        return cls(run_id, int(attempt))


class Undispatched(NamedTuple):
    """A run that the queue has no item for."""

    item: QueueItem
    tenant_id: str
    workflow: str


class QueuedRun(NamedTuple):
    """A run that waits in the queue."""

    run_id: str
    tenant_id: str
    workflow: str
    queued_at: datetime
    attempt: int


class QueueDepth(NamedTuple):
    """The queue of one tenant."""

    runs: int
    oldest: datetime
    """The moment since which its first one waits."""


class BackgroundRunStore:
    """The background runs of all tenants; where a tenant is asked for, None is an administrator.

    :param max_queued: runs of one tenant that may wait.
    """

    def __init__(self, database: Database, max_queued: int) -> None:
        self._database = database
        self._max_queued = max_queued
        self.news = asyncio.Event()
        """Set where this process has queued a run."""

    async def put(
        self, records: Sequence[RunRecord], key: IdempotencyKey | None = None, webhook: str | None = None
    ) -> tuple[str, ...]:
        """Store queued runs of one tenant, all or none, and return the ids of those that were not there yet.

        :param key: the key of the client's request, for a single run.
        :param webhook: the URL that each one calls at its end.
        :raises KeyTaken: when the key has begun a run before.
        :raises InvalidRequest: when the key stands for another request.
        :raises QueueFull: when too many runs of the tenant wait.
        """
        async with self._database.begin() as connection:
            new = await connection.run_sync(self._put, records, key, webhook)
        self.news.set()
        return new

    def _put(
        self,
        connection: Connection,
        records: Sequence[RunRecord],
        key: IdempotencyKey | None,
        webhook: str | None,
    ) -> tuple[str, ...]:
        if key is not None:
            take_key(connection, key, records[0].id, records[0].created_at)
        new = tuple(record for record in records if _insert(connection, record))
        if new:
            self._check_room(connection, new[0].tenant_id)
        if webhook is not None:
            for record in new:
                add_delivery(
                    connection,
                    run_id=record.id,
                    tenant_id=record.tenant_id,
                    url=webhook,
                    now=record.created_at,
                )
        return tuple(record.id for record in new)

    def _check_room(self, connection: Connection, tenant_id: str) -> None:
        waiting = (
            select(runs.c.id).where(runs.c.tenant_id == tenant_id, IS_QUEUED).limit(self._max_queued + 1)
        )
        found = connection.execute(select(func.count()).select_from(waiting.subquery())).scalar_one()
        if found > self._max_queued:
            raise QueueFull(max_queued=self._max_queued)

    async def undispatched(
        self, workflows: Collection[str], limit: int, without: Collection[str] = ()
    ) -> tuple[Undispatched, ...]:
        """Return runs that the queue has no item for: each tenant's oldest, then each one's next, and so on.

        :param workflows: stored names of the workflows that this process can run.
        :param limit: the number of runs of each workflow.
        :param without: the tenants whose runs are left out.
        """
        values = {"limit": limit, "without": list(without)}
        async with self._database.connect() as connection:
            return tuple(
                [
                    Undispatched(QueueItem(row.run_id, row.attempt), row.tenant_id, workflow)
                    for workflow in workflows
                    for row in await connection.execute(RUNS_IN_TURN, values | {"workflow": workflow})
                ]
            )

    async def note_dispatched(self, items: Collection[QueueItem]) -> None:
        """Note that the queue has these items."""
        async with self._database.begin() as connection:
            await connection.execute(
                _NOTE_DISPATCHED, [{"of": each.run_id, "at": each.attempt} for each in items]
            )

    async def redispatch(self, queued_before: datetime, limit: int) -> None:
        """Let the items of the oldest runs be put again; that of a run which has one stays as it is."""
        waiting = (
            select(background_runs.c.run_id)
            .join(runs, background_runs.c.run_id == runs.c.id)
            .where(IS_QUEUED, background_runs.c.queued_at < queued_before)
            .order_by(background_runs.c.queued_at)
            .limit(limit)
        )
        statement = update(background_runs).where(background_runs.c.run_id.in_(waiting))
        async with self._database.begin() as connection:
            await connection.execute(statement.values(dispatched=False))

    async def has_open(self, workflows: Collection[str]) -> bool:
        """Return whether a run of these workflows waits, or is worked on, in the background."""
        return await self._database.read(
            lambda connection: any(
                connection.execute(_background(workflows, still_open)).first() is not None
                for still_open in (IS_QUEUED, IS_RUNNING)
            )
        )

    async def is_current(self, item: QueueItem) -> bool:
        """Return whether no later attempt at the run was made."""
        statement = select(literal(1)).where(_attempt(item))
        return await self._database.read(lambda connection: connection.execute(statement).first()) is not None

    async def is_background(self, run_id: str) -> bool:
        """Return whether a run was begun in the background."""
        statement = select(literal(1)).where(background_runs.c.run_id == run_id)
        return await self._database.read(lambda connection: connection.execute(statement).first()) is not None

    async def list_queued(self, *, tenant_id: str | None, limit: int) -> tuple[QueuedRun, ...]:
        """Return the runs that wait, the oldest first."""
        statement = (
            select(runs.c.id, runs.c.tenant_id, runs.c.workflow, runs.c.created_at, background_runs.c.attempt)
            .join(background_runs, background_runs.c.run_id == runs.c.id)
            .where(IS_QUEUED, _visible(tenant_id))
            # Not by created_at, which is the same: SQLite would step through all runs in the order of that.
            .order_by(background_runs.c.queued_at, runs.c.id)
            .limit(limit)
        )
        async with self._database.connect() as connection:
            return tuple(QueuedRun(*row) for row in await connection.execute(statement))

    async def depths(self, *, tenant_id: str | None = None) -> dict[str, QueueDepth]:
        """Return the depth of each tenant's queue; none for a tenant of whose runs none waits."""
        statement = (
            select(runs.c.tenant_id, func.count(), func.min(runs.c.created_at, type_=runs.c.created_at.type))
            .where(IS_QUEUED, _visible(tenant_id))
            .group_by(runs.c.tenant_id)
        )
        async with self._database.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return {tenant: QueueDepth(count, oldest) for tenant, count, oldest in rows}

    async def fail(self, run_id: str, *, error_type: str, message: str, now: datetime) -> EndedRun | None:
        """End a run that could not be begun, and return it; None where it does not wait any more."""
        ended = {"status": "failed", "finished_at": now, "error_type": error_type, "error_message": message}
        return await self._end(runs.c.id == run_id, ended | ENDED_WITHOUT_ANSWER)

    async def live_workers(self, ids: Collection[str]) -> frozenset[str]:
        """Return those of some workers that live."""
        return await self._database.read(lambda connection: live_workers(connection, ids))

    async def requeue_lost(self, run_id: str, now: datetime, *, is_durable: bool) -> EndedRun | None:
        """Let a run begin again whose worker has died; return one that ends instead, see `requeue_lost`."""
        async with self._database.begin() as connection:
            return await connection.run_sync(partial(requeue_lost, is_durable=is_durable), run_id, now)

    async def request_cancel(self, run_id: str) -> bool:
        """Ask the process that has a run to cancel it; return whether it is a background run."""
        statement = update(background_runs).where(background_runs.c.run_id == run_id)
        async with self._database.begin() as connection:
            return bool((await connection.execute(statement.values(cancel_requested=True))).rowcount)

    async def ended(self, run_ids: Collection[str]) -> tuple[str, ...]:
        """Return those of some runs that have ended, or wait for a person."""
        statement = select(runs.c.id).where(runs.c.id.in_(run_ids), ~runs.c.status.in_(("queued", "running")))
        async with self._database.connect() as connection:
            return tuple((await connection.execute(statement)).scalars())

    async def statuses(self, run_ids: Collection[str]) -> dict[str, str]:
        """Return the statuses of those runs that there are."""
        statement = select(runs.c.id, runs.c.status).where(runs.c.id.in_(run_ids))
        async with self._database.connect() as connection:
            return {row.id: row.status for row in await connection.execute(statement)}

    async def cancel_requested(self, owner: str) -> tuple[str, ...]:
        """Return the runs at work in a process that were asked to be cancelled.

        They may have come to it from the queue, by a takeover or by a person's decision.
        """
        statement = (
            select(runs.c.id)
            .join(background_runs, background_runs.c.run_id == runs.c.id)
            .where(IS_RUNNING, runs.c.owner == owner, background_runs.c.cancel_requested)
        )
        return await self._database.read(lambda connection: tuple(connection.execute(statement).scalars()))

    async def _end(self, which: ColumnElement[bool], values: dict[str, object]) -> EndedRun | None:
        statement = update(runs).where(which, IS_QUEUED).values(values).returning(*ENDED_COLUMNS)
        async with self._database.begin() as connection:
            row: RowMapping | None = (await connection.execute(statement)).mappings().first()
            if row is not None:
                await connection.run_sync(forget_nodes, row["id"])
        return None if row is None else to_ended(row)


def _insert(connection: Connection, record: RunRecord) -> bool:
    """Store a queued run, and return whether it is new."""
    statement = upsert(runs, connection.dialect.name).values(to_row(record)).on_conflict_do_nothing()
    if not connection.execute(statement).rowcount:
        return False
    connection.execute(
        insert(background_runs).values(
            run_id=record.id,
            tenant_id=record.tenant_id,
            workflow=record.workflow,
            queued_at=record.created_at,
            attempt=1,
            dispatched=False,
            cancel_requested=False,
        )
    )
    return True


def _background(workflows: Collection[str], still_open: ColumnElement[bool]) -> Select[Any]:
    """Select one background run of some workflows, in the index that has the open ones of a kind alone."""
    return (
        select(literal(1))
        .select_from(runs.join(background_runs, background_runs.c.run_id == runs.c.id))
        .where(background_runs.c.workflow.in_(workflows), still_open)
        .limit(1)
    )


def _attempt(item: QueueItem) -> ColumnElement[bool]:
    return (background_runs.c.run_id == item.run_id) & (background_runs.c.attempt == item.attempt)


def _visible(tenant_id: str | None) -> ColumnElement[bool]:
    return true() if tenant_id is None else runs.c.tenant_id == tenant_id
