"""Idempotency keys: which run a client's request has begun, so that its repetition begins no other.

A key is written in the transaction that begins its run, so there is never one without the other, and of many
equal requests at once, on whatever replica, one begins the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Exists, delete, exists, select, update

from vital_shared.errors import InvalidRequest, KeyTaken
from vital_shared.store.database import Database
from vital_shared.store.idempotency_table import idempotency_keys
from vital_shared.store.run_record import REPEATABLE_FAILURES
from vital_shared.store.tables import runs
from vital_shared.store.upsert import upsert

__all__ = ["KEY_LIFETIME", "IdempotencyKey", "IdempotencyStore", "forget_expired", "free_key", "take_key"]

KEY_LIFETIME: Final = timedelta(hours=24)
"""The time that a key is remembered."""

FIELD: Final = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key that a client has sent, and the request that it stands for."""

    tenant_id: str
    key: str
    fingerprint: str
    """A hash of the request: the same key with another request is a mistake of the client's."""


class IdempotencyStore:
    """The keys of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key: IdempotencyKey, *, now: datetime) -> str | None:
        """Return the id of the run that a key has begun; None: it is new, or may begin another.

        :raises InvalidRequest: when it stands for another request.
        :raises StoreError: when the database does not answer.
        """
        async with self._database.connect() as connection:
            return await connection.run_sync(_run_of, key, now)


def take_key(connection: Connection, key: IdempotencyKey, run_id: str, now: datetime) -> None:
    """Note that a key begins a run.

    :raises KeyTaken: when it has begun another run.
    :raises InvalidRequest: when the key stands for another request.
    """
    columns = idempotency_keys.c
    own = (columns.tenant_id == key.tenant_id, columns.key == key.key)
    connection.execute(delete(idempotency_keys).where(*own, columns.expires_at <= now))
    row = {
        "tenant_id": key.tenant_id,
        "key": key.key,
        "fingerprint": key.fingerprint,
        "run_id": run_id,
        "expires_at": now + KEY_LIFETIME,
    }
    # Where another process writes the same key at this moment, the database waits for its commit.
    statement = upsert(idempotency_keys, connection.dialect.name).values(row).on_conflict_do_nothing()
    if connection.execute(statement).rowcount:
        return
    if (taken := _run_of(connection, key, now)) is not None:
        raise KeyTaken(taken)
    # Of two that take over the key of a failed run at once, the second sees the first one's run.
    mine = update(idempotency_keys).where(*own, _may_begin_anew()).values(run_id=run_id)
    if not connection.execute(mine).rowcount and (taken := _run_of(connection, key, now)) is not None:
        raise KeyTaken(taken)


def free_key(connection: Connection, run_id: str) -> None:
    """Forget the key of a run that was not begun after all."""
    connection.execute(delete(idempotency_keys).where(idempotency_keys.c.run_id == run_id))


def forget_expired(connection: Connection, now: datetime) -> None:
    """Delete the keys whose time is over."""
    connection.execute(delete(idempotency_keys).where(idempotency_keys.c.expires_at <= now))


def _run_of(connection: Connection, key: IdempotencyKey, now: datetime) -> str | None:
    columns = idempotency_keys.c
    statement = select(columns.run_id, columns.fingerprint, _may_begin_anew().label("may_begin_anew")).where(
        columns.tenant_id == key.tenant_id, columns.key == key.key, columns.expires_at > now
    )
    row = connection.execute(statement).first()
    if row is None:
        return None
    if row.fingerprint != key.fingerprint:
        raise InvalidRequest(
            f"This {FIELD} was sent with another request before: send a new one with each new request",
            field=FIELD,
        )
    run_id: str = row.run_id
    return None if row.may_begin_anew else run_id


def _may_begin_anew() -> Exists:
    """Select whether the run that a key has begun ended by a fault of the engine's own: that is no answer."""
    failed = (runs.c.status == "failed", runs.c.error_type.in_(REPEATABLE_FAILURES))
    return exists().where(runs.c.id == idempotency_keys.c.run_id, *failed)
