"""The workers whose lease is not over."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, exists, func, select

from vital_shared.store.durable_tables import workers
from vital_shared.store.tables import runs
from vital_shared.store.worker_lease import database_seconds

__all__ = ["is_live", "live_hosts", "live_workers", "owner_is_dead"]


def live_workers(connection: Connection, ids: Collection[str]) -> frozenset[str]:
    """Return those of some workers that live."""
    live = workers.c.lease_until > database_seconds(connection.dialect.name)
    found = connection.execute(select(workers.c.id).where(workers.c.id.in_(ids), live))
    return frozenset(found.scalars())


def is_live(worker: str, dialect: str) -> ColumnElement[bool]:
    """Select where a worker lives."""
    return exists().where(workers.c.id == worker, workers.c.lease_until > database_seconds(dialect))


def live_hosts(connection: Connection) -> int:
    """Count the machines that have a worker which lives; one that has run nothing durable is not known."""
    live = workers.c.lease_until > database_seconds(connection.dialect.name)
    return connection.execute(select(func.count(workers.c.host.distinct())).where(live)).scalar_one()


def owner_is_dead(dialect: str) -> ColumnElement[bool]:
    """Select the runs that have an owner, and one that lives no more."""
    live = workers.c.lease_until > database_seconds(dialect)
    return (runs.c.owner != "") & ~exists().where(workers.c.id == runs.c.owner, live)
