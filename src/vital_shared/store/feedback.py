"""Feedback on runs: one row for each user, kind and aspect."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, select

from vital_shared.errors import NotFound
from vital_shared.models.feedback import Feedback, FeedbackInput
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.store.database import Database
from vital_shared.store.feedback_table import run_feedback
from vital_shared.store.tables import runs
from vital_shared.store.upsert import upsert

__all__ = ["FeedbackStore"]


class FeedbackStore:
    """The feedback of all tenants; where a tenant is asked for, None is an administrator, who sees all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def give(
        self, run_id: str, given: FeedbackInput, *, tenant_id: str | None, now: datetime
    ) -> tuple[Feedback, WorkflowMode, bool]:
        """Store feedback in place of what the user has said before.

        :returns: it, the mode of the run, and whether it is the user's first.
        :raises NotFound: when the tenant has no such run.
        """
        async with self._database.begin() as connection:
            return await connection.run_sync(_give, run_id, given, tenant_id, now)

    async def list(self, run_id: str, *, tenant_id: str | None) -> tuple[Feedback, ...]:
        """Return the feedback on a run, the oldest first.

        :raises NotFound: when the tenant has no such run.
        """
        statement = (
            select(run_feedback)
            .where(run_feedback.c.run_id == run_id)
            .order_by(run_feedback.c.created_at, run_feedback.c.user_id, run_feedback.c.kind)
        )

        def read(connection: Connection) -> tuple[Feedback, ...]:
            _run(connection, run_id, tenant_id)
            return tuple(_feedback(row) for row in connection.execute(statement).mappings())

        return await self._database.read(read)


def _run(connection: Connection, run_id: str, tenant_id: str | None) -> RowMapping:
    statement = select(runs.c.user_id, runs.c.mode).where(runs.c.id == run_id)
    if tenant_id is not None:
        statement = statement.where(runs.c.tenant_id == tenant_id)
    run = connection.execute(statement).mappings().first()
    if run is None:
        raise NotFound(f"There is no run {run_id}: check its id", field="run_id")
    return run


def _give(
    connection: Connection, run_id: str, given: FeedbackInput, tenant_id: str | None, now: datetime
) -> tuple[Feedback, WorkflowMode, bool]:
    run = _run(connection, run_id, tenant_id)
    is_text = isinstance(given.value, str)
    row = {
        "run_id": run_id,
        "user_id": given.user_id or run["user_id"],
        "kind": given.kind,
        "name": given.name,
        "number": None if is_text else float(given.value),
        "text": given.value if is_text else None,
        "comment": given.comment,
        "created_at": now,
        "updated_at": now,
    }
    key = ("run_id", "user_id", "kind", "name")
    earlier = select(func.count()).where(*(run_feedback.c[name] == row[name] for name in key))
    is_first = not connection.execute(earlier).scalar_one()
    statement = upsert(run_feedback, connection.dialect.name)
    changed = {name: statement.excluded[name] for name in ("number", "text", "comment", "updated_at")}
    stored = statement.on_conflict_do_update(index_elements=key, set_=changed).returning(*run_feedback.c)
    written = connection.execute(stored, row).mappings().one()
    return _feedback(written), WorkflowMode(run["mode"]), is_first


def _feedback(row: RowMapping) -> Feedback:
    value = row["text"] if row["number"] is None else row["number"]
    return Feedback(
        run_id=row["run_id"],
        user_id=row["user_id"],
        kind=row["kind"],
        name=row["name"],
        value=bool(value) if row["kind"] == "boolean" else value,
        comment=row["comment"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
