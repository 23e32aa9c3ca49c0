"""All that the store has of a person, row by row, read in small steps."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, select

from vital_shared.store.account_tables import ledger
from vital_shared.store.audit import AuditedChange, add_entry
from vital_shared.store.database import Database
from vital_shared.store.feedback_table import run_feedback
from vital_shared.store.limit_tables import usage_limits
from vital_shared.store.model_call_table import model_calls
from vital_shared.store.run_decision_table import run_decisions
from vital_shared.store.tables import conversations, messages, runs
from vital_shared.store.webhook_delivery_table import webhook_deliveries

__all__ = ["PersonExport"]

STEP_ROWS: Final = 100
"""Runs, or conversations, that are read at once with what belongs to them."""

PARSED: Final = frozenset({"input", "output", "checkpoint", "decision", "call", "raw_usage", "unit_prices"})
"""Columns that hold JSON."""

INTERNAL: Final = frozenset({"search_text", "owner", "epoch", "takeovers", "plan"})
"""Columns that say nothing of the person: where a run was worked on, and a copy of its question."""

OF_RUNS: Final[Mapping[str, Table]] = {
    "decision": run_decisions,
    "model_call": model_calls,
    "feedback": run_feedback,
    "webhook": webhook_deliveries,
}


class PersonExport:
    """The export of one user of a tenant."""

    def __init__(self, database: Database, tenant_id: str, user_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._user_id = user_id

    async def note(self, now: datetime) -> None:
        """Note the export in the audit log.

        :raises StoreError: when the database does not answer.
        """
        change = AuditedChange("person_exported", "", self._tenant_id, now, person=self._user_id)
        async with self._database.begin() as connection:
            await connection.run_sync(add_entry, change)

    async def lines(self) -> AsyncIterator[str]:
        """Yield one line of JSON for each row: its kind and its columns.

        :raises StoreError: when the database does not answer.
        """
        parts = (self._of_runs(), self._of_conversations(), self._elsewhere(), self._charges())
        for part in parts:
            async for line in part:
                yield line

    async def _of_runs(self) -> AsyncIterator[str]:
        for ids in _steps(await self._keys(runs, runs.c.id)):
            async for line in self._rows("run", select(runs).where(runs.c.id.in_(ids)).order_by(runs.c.id)):
                yield line
            for kind, table in OF_RUNS.items():
                statement = select(table).where(table.c.run_id.in_(ids)).order_by(table.c.run_id)
                async for line in self._rows(kind, statement):
                    yield line

    async def _of_conversations(self) -> AsyncIterator[str]:
        for ids in _steps(await self._keys(conversations, conversations.c.session_id)):
            for kind, table in (("conversation", conversations), ("message", messages)):
                own = (table.c.tenant_id == self._tenant_id, table.c.session_id.in_(ids))
                async for line in self._rows(kind, select(table).where(*own)):
                    yield line

    async def _elsewhere(self) -> AsyncIterator[str]:
        """Yield what the person has left beside others' runs, and the limits that name it."""
        for kind, statement in (
            ("message", self._messages_elsewhere()),
            ("feedback", self._feedback_elsewhere()),
            ("limit", self._limits()),
        ):
            async for line in self._rows(kind, statement):
                yield line
        async for line in self._rows("decision", self._decisions_elsewhere()):
            if json.loads(line)["decision"]["user_id"] == self._user_id:
                yield line

    async def _keys(self, table: Table, key: ColumnElement[str]) -> Sequence[str]:
        own = (table.c.tenant_id == self._tenant_id, table.c.user_id == self._user_id)
        async with self._database.connect() as connection:
            return (await connection.scalars(select(key).where(*own).order_by(key))).all()

    def _messages_elsewhere(self) -> Select[Any]:
        """Select the person's messages in conversations that others have begun."""
        own = (conversations.c.tenant_id == self._tenant_id, conversations.c.user_id == self._user_id)
        sessions = select(conversations.c.session_id).where(*own)
        return select(messages).where(
            messages.c.tenant_id == self._tenant_id,
            messages.c.user_id == self._user_id,
            messages.c.session_id.not_in(sessions),
        )

    def _feedback_elsewhere(self) -> Select[Any]:
        """Select the person's feedback on other users' runs."""
        return (
            select(run_feedback)
            .join(runs, runs.c.id == run_feedback.c.run_id)
            .where(runs.c.tenant_id == self._tenant_id, runs.c.user_id != self._user_id)
            .where(run_feedback.c.user_id == self._user_id)
        )

    def _decisions_elsewhere(self) -> Select[Any]:
        """Select decisions on other users' runs in which the person's id stands, also those of others."""
        return (
            select(run_decisions)
            .join(runs, runs.c.id == run_decisions.c.run_id)
            .where(runs.c.tenant_id == self._tenant_id, runs.c.user_id != self._user_id)
            .where(run_decisions.c.decision.contains(json.dumps(self._user_id), autoescape=True))
        )

    def _limits(self) -> Select[Any]:
        return select(usage_limits).where(
            usage_limits.c.level == "user",
            usage_limits.c.tenant_id == self._tenant_id,
            usage_limits.c.scope_id == self._user_id,
        )

    async def _charges(self) -> AsyncIterator[str]:
        """Yield the person's rows of the ledger, also of runs that retention has deleted."""
        own = (ledger.c.tenant_id == self._tenant_id, ledger.c.user_id == self._user_id)
        last = 0
        while True:
            step = select(ledger).where(*own, ledger.c.id > last).order_by(ledger.c.id).limit(STEP_ROWS)
            async with self._database.connect() as connection:
                rows = (await connection.execute(step)).mappings().all()
            if not rows:
                return
            for row in rows:
                yield _line("charge", row)
            last = rows[-1]["id"]

    async def _rows(self, kind: str, statement: Select[Any]) -> AsyncIterator[str]:
        async with self._database.connect() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        for row in rows:
            yield _line(kind, row)


def _steps(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + STEP_ROWS] for start in range(0, len(keys), STEP_ROWS))


def _line(kind: str, row: Mapping[Any, Any]) -> str:
    values = {name: _value(name, value) for name, value in row.items() if name not in INTERNAL}
    return json.dumps({"kind": kind} | values, ensure_ascii=False) + "\n"


def _value(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return json.loads(value) if name in PARSED and isinstance(value, str) else value
