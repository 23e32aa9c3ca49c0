"""Deliveries of webhooks: written with the run that they report, sent once it has ended.

::

    waiting ──→ pending ⇄ (an attempt failed) ──→ delivered | failed

A message's id stays the same over all attempts, so that a receiver knows a repetition.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)

from vital_shared.models.base import Frozen
from vital_shared.store.database import Database
from vital_shared.store.tables import runs
from vital_shared.store.webhook_delivery_table import webhook_deliveries

__all__ = ["DeliveryStatus", "DueDelivery", "WebhookDelivery", "WebhookStore", "add_delivery"]

DeliveryStatus = Literal["waiting", "pending", "delivered", "failed"]

ATTEMPT_LEASE: Final = timedelta(seconds=60)
"""The time after which an attempt whose process died is made again."""

MAX_ERROR_CHARACTERS: Final = 500

NO_ATTEMPTS: Final[Mapping[str, int]] = MappingProxyType({})

_table = webhook_deliveries.c

# In the very words of the index that has these alone: a database compares no meanings, and plans before it
# knows the values.
_WAITING: Final[ColumnElement[str]] = literal_column("'waiting'")
_PENDING: Final[ColumnElement[str]] = literal_column("'pending'")
_IS_UNSENT: Final = _table.status.in_((_WAITING, _PENDING))
_IS_WAITING: Final = and_(_IS_UNSENT, _table.status == _WAITING)
_IS_PENDING: Final = and_(_IS_UNSENT, _table.status == _PENDING)


class WebhookDelivery(Frozen):
    """The state of a webhook."""

    id: str
    """The id of the message, the same over all attempts."""

    url: str
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime | None
    """None: there is none to come."""

    last_status: int | None
    """The HTTP status of the last answer."""

    last_error: str | None
    """The reason why the last attempt failed."""

    delivered_at: datetime | None


class DueDelivery(Frozen):
    """A webhook that is to be sent now, with what it reports."""

    id: str
    url: str
    attempts: int
    """Attempts that have been made, this one included."""

    run_id: str
    tenant_id: str
    workflow: str
    status: str
    error_type: str | None
    error_message: str | None
    finished_at: datetime


def add_delivery(connection: Connection, *, run_id: str, tenant_id: str, url: str, now: datetime) -> None:
    """Let a run send a webhook at its end, in the transaction that stores the run."""
    connection.execute(
        insert(webhook_deliveries).values(
            id=f"msg_{secrets.token_hex(16)}",
            run_id=run_id,
            tenant_id=tenant_id,
            url=url,
            status="waiting",
            attempts=0,
            next_attempt_at=now,
        )
    )


class WebhookStore:
    """The webhooks of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def has_open(self) -> bool:
        """Return whether there is one that was not sent yet."""
        statement = select(literal(1)).where(_IS_UNSENT).limit(1)
        return await self._database.read(lambda connection: connection.execute(statement).first()) is not None

    async def arm(self, now: datetime, *, ended_since: datetime | None = None) -> int:
        """Make those due whose runs have ended, and return how many.

        :param ended_since: look at runs alone that ended since then; None: at all.
        """
        ended = select(runs.c.id).where(runs.c.finished_at.is_not(None))
        if ended_since is not None:
            ended = ended.where(runs.c.finished_at >= ended_since)
        statement = (
            update(webhook_deliveries)
            .where(_IS_WAITING, _table.run_id.in_(ended))
            .values(status="pending", next_attempt_at=now)
        )
        async with self._database.begin() as connection:
            return (await connection.execute(statement)).rowcount

    async def take_due(
        self, now: datetime, limit: int, *, tenant_limit: int, at_work: Mapping[str, int] = NO_ATTEMPTS
    ) -> tuple[DueDelivery, ...]:
        """Take webhooks that are due, each for one attempt; no other process gets them meanwhile.

        :param tenant_limit: the attempts of one tenant that may be under way here at once.
        :param at_work: the attempts that are under way here, by tenant.
        """
        async with self._database.begin() as connection:
            return await connection.run_sync(_take_due, now, limit, tenant_limit, at_work)

    async def note_delivered(self, delivery_id: str, *, status: int, now: datetime) -> None:
        """Note that a receiver has taken it."""
        await self._set(
            delivery_id, status="delivered", last_status=status, last_error=None, delivered_at=now
        )

    async def note_attempt(
        self, delivery_id: str, *, status: int | None, error: str, next_attempt_at: datetime
    ) -> None:
        """Note that an attempt failed, and when the next one is due."""
        error = error[:MAX_ERROR_CHARACTERS]
        await self._set(delivery_id, last_status=status, last_error=error, next_attempt_at=next_attempt_at)

    async def note_failed(self, delivery_id: str, *, status: int | None, error: str) -> None:
        """Note that the last attempt failed."""
        await self._set(
            delivery_id, status="failed", last_status=status, last_error=error[:MAX_ERROR_CHARACTERS]
        )

    async def of(self, run_id: str) -> tuple[WebhookDelivery, ...]:
        """Return the webhooks of a run."""
        statement = select(webhook_deliveries).where(_table.run_id == run_id).order_by(_table.id)
        async with self._database.connect() as connection:
            return tuple(_delivery(row) for row in (await connection.execute(statement)).mappings())

    async def pending(self) -> int:
        """Return how many have ended runs, and are not delivered."""
        statement = select(func.count()).where(_IS_PENDING)
        async with self._database.connect() as connection:
            return (await connection.scalar(statement)) or 0

    async def _set(self, delivery_id: str, **values: object) -> None:
        """Note what came of an attempt, unless a later one has ended the delivery meanwhile."""
        still_open = (_table.id == delivery_id) & _IS_PENDING
        statement = update(webhook_deliveries).where(still_open).values(values)
        async with self._database.begin() as connection:
            await connection.execute(statement)


def _take_due(
    connection: Connection, now: datetime, limit: int, tenant_limit: int, at_work: Mapping[str, int]
) -> tuple[DueDelivery, ...]:
    """Take the oldest of the tenants that have the fewest attempts under way."""
    counts, ids = Counter(at_work), list[str]()
    for most in range(1, tenant_limit + 1):
        while len(ids) < limit and (rows := _oldest(connection, now, limit, ids, _full(counts, most))):
            for row in rows:
                if counts[row["tenant_id"]] < most:
                    counts[row["tenant_id"]] += 1
                    ids.append(row["id"])
        if len(ids) == limit or not _full(counts, most):
            break
    if not ids:
        return ()
    taken = update(webhook_deliveries).where(_table.id.in_(ids))
    connection.execute(taken.values(attempts=_table.attempts + 1, next_attempt_at=now + ATTEMPT_LEASE))
    return tuple(_due(row) for row in _with_runs(connection, ids))


def _full(counts: Mapping[str, int], most: int) -> list[str]:
    """Return the tenants that have this many attempts under way, or more."""
    return [tenant_id for tenant_id, count in counts.items() if count >= most]


def _oldest(
    connection: Connection, now: datetime, limit: int, taken: Sequence[str], full: Sequence[str]
) -> Sequence[RowMapping]:
    """Return the oldest that are due, but for some, and for those of some tenants."""
    due = (
        select(_table.id, _table.tenant_id)
        .where(_IS_PENDING, _table.next_attempt_at <= now)
        .where(_table.id.not_in(taken), _table.tenant_id.not_in(full))
        .order_by(_table.next_attempt_at)
        .limit(limit - len(taken))
        .with_for_update(skip_locked=True)
    )
    return connection.execute(due).mappings().all()


def _with_runs(connection: Connection, ids: Sequence[str]) -> Sequence[RowMapping]:
    statement = (
        select(
            _table.id,
            _table.url,
            _table.attempts,
            _table.run_id,
            runs.c.tenant_id,
            runs.c.workflow,
            runs.c.status,
            runs.c.error_type,
            runs.c.error_message,
            runs.c.finished_at,
        )
        .join(runs, runs.c.id == _table.run_id)
        .where(_table.id.in_(ids))
    )
    return connection.execute(statement).mappings().all()


def _due(row: RowMapping) -> DueDelivery:
    return DueDelivery(**dict(row))


def _delivery(row: RowMapping) -> WebhookDelivery:
    fields = {name: row[name] for name in WebhookDelivery.model_fields}
    if row["status"] != "pending":
        fields["next_attempt_at"] = None
    return WebhookDelivery(**fields)
