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
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Update, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.errors import AlreadyResumed, NotFound, RunExpired
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.store.conversations import Turn, add_turn
from vital_shared.store.database import Database
from vital_shared.store.run_record import (
    ENDED_WITHOUT_ANSWER,
    OVERDUE_ENDS,
    RunRecord,
    RunStatus,
    as_swept,
    to_record,
    to_row,
)
from vital_shared.store.tables import runs

__all__ = ["RunRecord", "RunStatus", "RunStore"]


class RunStore:
    """The runs of all tenants; where a tenant is asked for, None is an administrator, who sees all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, record: RunRecord) -> None:
        """Store a new run.

        :raises InvalidRequest: when its metadata cannot be stored as JSON.
        """
        row = to_row(record)
        async with self._database.begin() as connection:
            await connection.execute(insert(runs), row)

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
            last_seq=last_seq,
            deadline_at=expires_at,
        )
        async with self._database.begin() as connection:
            return await _changed(connection, statement)

    async def claim(
        self, run_id: str, *, tenant_id: str | None, now: datetime, deadline_at: datetime
    ) -> RunRecord:
        """Take a waiting run to resume it; of many who claim it, one gets it, with its checkpoint.

        :param deadline_at: when the resumed run counts as lost.
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
        async with self._database.begin() as connection:
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
        async with self._database.begin() as connection:
            return await _changed(connection, statement)

    async def cancel_waiting(self, run_id: str, *, tenant_id: str | None, now: datetime) -> bool:
        """End a run that waits for approval, and return whether it still did."""
        statement = (
            _from("awaiting_approval", run_id)
            .where(_visible(tenant_id), runs.c.deadline_at > now)
            .values(status="cancelled", finished_at=now, **ENDED_WITHOUT_ANSWER)
        )
        async with self._database.begin() as connection:
            return await _changed(connection, statement)

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

    async def sweep(self, now: datetime) -> int:
        """End the runs whose deadline has passed: those that wait expire, those that ran are lost.

        :returns: how many there were.
        """
        async with self._database.begin() as connection:
            expired = await connection.execute(_overdue("awaiting_approval", now))
            lost = await connection.execute(_overdue("running", now))
        return int(expired.rowcount + lost.rowcount)


def _from(status: RunStatus, run_id: str) -> Update:
    return update(runs).where(runs.c.id == run_id, runs.c.status == status)


def _overdue(status: RunStatus, now: datetime) -> Update:
    overdue = update(runs).where(runs.c.status == status, runs.c.deadline_at <= now)
    return overdue.values(finished_at=runs.c.deadline_at, **OVERDUE_ENDS[status], **ENDED_WITHOUT_ANSWER)


async def _changed(connection: AsyncConnection, statement: Update) -> bool:
    return bool((await connection.execute(statement)).rowcount)


def _visible(tenant_id: str | None) -> ColumnElement[bool]:
    return true() if tenant_id is None else runs.c.tenant_id == tenant_id
