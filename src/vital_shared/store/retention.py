"""The deletion of what was kept for long enough: in small steps, each one short transaction.

A pass over a kind reads its rows from the oldest on, up to the shortest period, and deletes those whose
tenant's period is over. So rows of a tenant that keeps them for longer cost a look at them in each pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, select, tuple_

from vital_shared.models.retention import RetainedKind, RetentionTable
from vital_shared.store.account_tables import reservations
from vital_shared.store.database import Database
from vital_shared.store.dead_letter_table import dead_letters
from vital_shared.store.idempotency_table import idempotency_keys
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.tables import conversations, documents, runs

__all__ = ["RetentionPass", "RetentionStep", "passes"]

STEP_ROWS: Final = 100
"""Rows that a step looks at; each step is a transaction."""


class RetentionStep(NamedTuple):
    """The outcome of a step."""

    deleted: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class RetainedTable:
    """The rows of a kind."""

    moment: ColumnElement[datetime]
    """The moment from which the period counts."""

    keys: tuple[ColumnElement[Any], ...]
    tenant: ColumnElement[str]
    is_over: ColumnElement[bool] | None = None
    """The condition that nobody writes to a row any more."""


TABLES: Final[Mapping[RetainedKind, RetainedTable]] = {
    "runs": RetainedTable(runs.c.created_at, (runs.c.id,), runs.c.tenant_id, runs.c.finished_at.is_not(None)),
    "conversations": RetainedTable(
        conversations.c.updated_at,
        (conversations.c.session_id, conversations.c.tenant_id),
        conversations.c.tenant_id,
    ),
    "documents": RetainedTable(documents.c.updated_at, (documents.c.id,), documents.c.tenant_id),
    "dead_letters": RetainedTable(
        dead_letters.c.at,
        (dead_letters.c.id,),
        dead_letters.c.tenant_id,
        dead_letters.c.resolved.is_not(None),
    ),
}


class RetentionPass:
    """One pass over the rows of a kind.

    :param default: the period for tenants without their own; None: forever.
    :param own: the periods of tenants.
    """

    def __init__(
        self,
        database: Database,
        knowledge: KnowledgeStore,
        kind: RetainedKind,
        *,
        default: timedelta | None,
        own: Mapping[str, timedelta | None],
        now: datetime,
    ) -> None:
        self.kind = kind
        self._database = database
        self._knowledge = knowledge
        self._table = TABLES[kind]
        self._default = None if default is None else now - default
        self._own = {tenant: None if period is None else now - period for tenant, period in own.items()}
        self._newest = max(filter(None, (self._default, *self._own.values())))
        self._place: tuple[Any, ...] | None = None

    async def step(self) -> RetentionStep:
        """Look at the next rows, and delete those whose period is over.

        :raises StoreError: when the database does not answer.
        """
        async with self._database.begin() as connection:
            rows = (await connection.execute(self._next())).mappings().all()
            due = [row for row in rows if self._is_due(row)]
            if due and self.kind != "documents":
                await connection.run_sync(DELETIONS[self.kind], [row["key_0"] for row in due], due)
        if self.kind == "documents":
            for row in due:  # each is a change that indexes and caches follow, and the audit log notes
                await self._knowledge.delete(row["key_0"], tenant_id=None)
        if rows:
            self._place = (
                rows[-1]["moment"],
                *(rows[-1][f"key_{at}"] for at in range(len(self._table.keys))),
            )
        return RetentionStep(len(due), len(rows) < STEP_ROWS)

    def _next(self) -> Any:
        table = self._table
        order = (table.moment, *table.keys)
        keys = (key.label(f"key_{at}") for at, key in enumerate(table.keys))
        statement = select(table.moment.label("moment"), table.tenant.label("tenant"), *keys)
        statement = statement.where(table.moment < self._newest).order_by(*order).limit(STEP_ROWS)
        if table.is_over is not None:
            statement = statement.where(table.is_over)
        if self._place is not None:
            statement = statement.where(tuple_(*order) > tuple_(*self._place))
        return statement

    def _is_due(self, row: RowMapping) -> bool:
        before = self._own.get(row["tenant"], self._default)
        return before is not None and row["moment"] < before


def passes(
    database: Database, knowledge: KnowledgeStore, rules: RetentionTable, now: datetime
) -> Iterator[RetentionPass]:
    """Yield a pass for each kind that is not kept forever."""
    for kind in TABLES:
        default, own = rules.periods(kind)
        if any(period is not None for period in (default, *own.values())):
            yield RetentionPass(database, knowledge, kind, default=default, own=own, now=now)


def _delete_runs(connection: Connection, run_ids: Sequence[str], _: Sequence[RowMapping]) -> None:
    """Delete runs; what refers to them goes with them, their charges stay in the ledger."""
    for table in (idempotency_keys, reservations):
        connection.execute(delete(table).where(table.c.run_id.in_(run_ids)))
    connection.execute(delete(runs).where(runs.c.id.in_(run_ids), runs.c.finished_at.is_not(None)))


def _delete_conversations(connection: Connection, _: Sequence[str], rows: Sequence[RowMapping]) -> None:
    """Delete conversations, tenant by tenant: SQLite looks up pairs of values in no index."""
    sessions: dict[str, list[str]] = {}
    for row in rows:
        sessions.setdefault(row["tenant"], []).append(row["key_0"])
    own = conversations.c
    for tenant, ids in sessions.items():
        connection.execute(delete(conversations).where(own.tenant_id == tenant, own.session_id.in_(ids)))


def _delete_dead_letters(connection: Connection, ids: Sequence[Any], _: Sequence[RowMapping]) -> None:
    connection.execute(delete(dead_letters).where(dead_letters.c.id.in_(ids)))


DELETIONS: Final[Mapping[RetainedKind, Callable[[Connection, Sequence[Any], Sequence[RowMapping]], None]]] = {
    "runs": _delete_runs,
    "conversations": _delete_conversations,
    "dead_letters": _delete_dead_letters,
}
