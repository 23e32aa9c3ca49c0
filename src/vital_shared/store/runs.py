"""Runs: what was asked, how far it has come, and how it ended.

::

    running ⇄ awaiting_approval ──→ expired | cancelled
       └──→ completed | failed | cancelled

Each arrow is one UPDATE that names the status it starts from, so that of many who try at once, on
whatever replica, one succeeds. Where a deadline has passed, reading tells what `RunStore.sweep`
would have written.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Update, bindparam, exists, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from vital_shared.errors import AlreadyResumed, NotFound, RunExpired
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.store.account_tables import budgets
from vital_shared.store.admission import Admission, Asking, check, enter, forget_overdue, release
from vital_shared.store.conversations import Turn, add_turn
from vital_shared.store.database import Database
from vital_shared.store.run_record import (
    ENDED_WITHOUT_ANSWER,
    OVERDUE_ENDS,
    EndedRun,
    RunRecord,
    RunStatus,
    as_swept,
    to_ended,
    to_record,
    to_row,
)
from vital_shared.store.tables import runs

__all__ = ["EndedRun", "RunRecord", "RunStatus", "RunStore"]

_COLUMNS: Final = [column for column in runs.c if column.name in RunRecord.model_fields]
_ENDED: Final = (runs.c.id, runs.c.input, runs.c.status, runs.c.duration_seconds)
_VALUES: Final = {column.name: bindparam(column.name, type_=column.type) for column in _COLUMNS}

# A tenant without limits costs no statement more: the row goes in, unless there are limits to look at.
_INSERT_UNLIMITED: Final = insert(runs).from_select(
    _COLUMNS,
    select(*_VALUES.values()).where(~exists().where(budgets.c.tenant_id == _VALUES["tenant_id"])),
)


class RunStore:
    """The runs of all tenants; where a tenant is asked for, None is an administrator, who sees all."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reserved: set[str] = set()
        """The runs of this process that have reserved money; others have nothing to release when they end."""

    async def start(self, record: RunRecord, worst_nanos: Callable[[], int] = lambda: 0) -> None:
        """Store a new run, if the tenant's limits allow it.

        :param worst_nanos: what it may cost at most, in nano-dollars; asked only where there is a budget.
        :raises InvalidRequest: when its metadata cannot be stored as JSON.
        :raises LimitExceeded: when the limits do not allow it; nothing is stored then.
        """
        row = to_row(record)
        asking = Asking(record.id, record.tenant_id, record.created_at, record.deadline_at, worst_nanos)
        async with self._database.begin() as connection:
            if (await connection.execute(_INSERT_UNLIMITED, row)).rowcount:
                return
            admission = await check(connection, asking)
            await connection.execute(insert(runs), row)
            await enter(connection, asking, admission)
        self._note(record.id, admission)

    async def pause(
        self,
        run_id: str,
        *,
        checkpoint: Mapping[str, Any],
        output: WorkflowOutput,
        last_seq: int,
        expires_at: datetime,
    ) -> bool:
        """Let a running run wait for approval, and return whether it was still running."""
        statement = _from("running", run_id).values(
            status="awaiting_approval",
            checkpoint=json.dumps(checkpoint),
            output=output.model_dump_json(),
            duration_seconds=output.timings.total_seconds,
            last_seq=last_seq,
            deadline_at=expires_at,
        )
        async with self._ending(run_id) as connection:
            return await _changed(connection, statement)

    async def claim(
        self,
        run_id: str,
        *,
        tenant_id: str | None,
        now: datetime,
        deadline_at: datetime,
        worst_nanos: Callable[[], int] = lambda: 0,
    ) -> RunRecord:
        """Take a waiting run to resume it; of many who claim it, one gets it, with its checkpoint.

        :param deadline_at: when the resumed run counts as lost.
        :param worst_nanos: what it may still cost at most, in nano-dollars.
        :raises BudgetExceeded: when the tenant's budget does not allow that; the run waits on.
        :raises NotFound: when the tenant has no such run.
        :raises RunExpired: when the approval comes too late.
        :raises AlreadyResumed: when it no longer waits.
        """
        statement = (
            _from("awaiting_approval", run_id)
            .where(_visible(tenant_id), runs.c.deadline_at > now)
            .values(status="running", deadline_at=deadline_at)
            .returning(*runs.c)
        )
        async with self._database.begin() as connection:
            row = (await connection.execute(statement)).mappings().first()
            if row is not None:
                asking = Asking(run_id, row["tenant_id"], now, deadline_at, worst_nanos, is_request=False)
                admission = await check(connection, asking)
                await enter(connection, asking, admission)
        if row is not None:
            self._note(run_id, admission)
            return to_record(row)
        record = await self.get(run_id, tenant_id=tenant_id, now=now)
        if record.status == "expired":
            raise RunExpired(
                f"The run {run_id} waited for approval until {record.deadline_at:%Y-%m-%d %H:%M} UTC: "
                "ask again",
                field="run_id",
            )
        raise AlreadyResumed(
            f"The run {run_id} does not wait for approval: its status is {record.status}", field="run_id"
        )

    async def complete(
        self, run_id: str, *, output: WorkflowOutput, turn: Turn | None, now: datetime
    ) -> bool:
        """End a run with its answer, and add the turn to its conversation, both or neither.

        :returns: whether it was still running; otherwise nothing changes, so this may be repeated.
        :raises NotFound: when the session belongs to another tenant.
        """
        statement = _from("running", run_id).values(
            status="completed", output=output.model_dump_json(), checkpoint=None, finished_at=now
        )
        async with self._ending(run_id) as connection:
            completed = await _changed(connection, statement)
            if completed and turn is not None:
                await add_turn(connection, turn, run_id=run_id, now=now)
        return completed

    async def fail(
        self,
        run_id: str,
        *,
        status: Literal["failed", "cancelled"],
        error_type: str,
        message: str,
        node: str | None,
        now: datetime,
    ) -> bool:
        """End a run without an answer, and return whether it was still running."""
        statement = _from("running", run_id).values(
            status=status,
            error_type=error_type,
            error_message=message,
            error_node=node,
            finished_at=now,
            **ENDED_WITHOUT_ANSWER,
        )
        async with self._ending(run_id) as connection:
            return await _changed(connection, statement)

    async def cancel_waiting(self, run_id: str, *, tenant_id: str | None, now: datetime) -> EndedRun | None:
        """End a run that waits for approval, and return it; None where it did not wait any more."""
        statement = (
            _from("awaiting_approval", run_id)
            .where(_visible(tenant_id), runs.c.deadline_at > now)
            .values(status="cancelled", finished_at=now, **ENDED_WITHOUT_ANSWER)
            .returning(*_ENDED)
        )
        async with self._database.begin() as connection:
            row = (await connection.execute(statement)).mappings().first()
        return None if row is None else to_ended(row)

    async def get(self, run_id: str, *, tenant_id: str | None, now: datetime | None = None) -> RunRecord:
        """Return a run of the tenant's.

        :param now: the moment for which deadlines count; None: now.
        :raises NotFound: when there is none.
        """
        statement = select(runs).where(runs.c.id == run_id, _visible(tenant_id))
        async with self._database.connect() as connection:
            row = (await connection.execute(statement)).mappings().first()
        if row is None:
            raise NotFound(f"There is no run {run_id}: see that its id is right", field="run_id")
        return as_swept(to_record(row), now or datetime.now(UTC))

    async def sweep(self, now: datetime) -> tuple[EndedRun, ...]:
        """End the runs whose deadline has passed: those that wait expire, those that ran are lost.

        :returns: those that were ended here, and nowhere else.
        """
        async with self._database.begin() as connection:
            expired = (await connection.execute(_overdue("awaiting_approval", now))).mappings().all()
            lost = (await connection.execute(_overdue("running", now))).mappings().all()
            await forget_overdue(connection, now)
        return tuple(to_ended(row) for row in (*expired, *lost))

    @asynccontextmanager
    async def _ending(self, run_id: str) -> AsyncIterator[AsyncConnection]:
        """Open the transaction in which a run ends or pauses; it lets go of what the run has reserved."""
        async with self._database.begin() as connection:
            if run_id in self._reserved:
                await release(connection, run_id)
            yield connection
        self._reserved.discard(run_id)

    def _note(self, run_id: str, admission: Admission) -> None:
        if admission.reserved_nanos:
            self._reserved.add(run_id)


def _from(status: RunStatus, run_id: str) -> Update:
    return update(runs).where(runs.c.id == run_id, runs.c.status == status)


def _overdue(status: RunStatus, now: datetime) -> ReturningUpdate[Any]:
    overdue = update(runs).where(runs.c.status == status, runs.c.deadline_at <= now)
    ended = overdue.values(finished_at=runs.c.deadline_at, **OVERDUE_ENDS[status], **ENDED_WITHOUT_ANSWER)
    return ended.returning(*_ENDED)


async def _changed(connection: AsyncConnection, statement: Update) -> bool:
    return bool((await connection.execute(statement)).rowcount)


def _visible(tenant_id: str | None) -> ColumnElement[bool]:
    return true() if tenant_id is None else runs.c.tenant_id == tenant_id
