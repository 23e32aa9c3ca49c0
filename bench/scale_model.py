"""The model of many replicas: what they use together, and which part of them is full first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scale_usage import Usage

__all__ = ["BUSY_SHARE", "Measured", "Part", "parts_of"]

BUSY_SHARE = 0.6
"""The share of its core that a replica uses; the rest is room for peaks."""

POSTGRES_CORES = 64
"""Cores of a large server."""

POSTGRES_WAL_BYTES_PER_SECOND = 500e6
"""Bytes a second that a fast local disk takes, with a sync for each commit group."""

POSTGRES_CONNECTIONS = 10_000
"""Clients of one PgBouncer in transaction mode."""

CONNECTIONS_PER_REPLICA = 21
"""The whole pool, and the connection of the lease; see `vital_shared.store.engines`."""

REDIS_CORES = 1
"""One thread runs all commands."""

NETWORK_BYTES_PER_SECOND = 1.25e9
"""Ten gigabits a second into one server."""


@dataclass(frozen=True)
class Measured:
    """The usage of a number of replicas."""

    replicas: int
    request: Usage
    """For one request, under load."""
    second: Usage
    """For one second of one replica, at rest."""


@dataclass(frozen=True)
class Part:
    """A part that all replicas share."""

    name: str
    unit: str
    per_replica: float
    """Usage of one busy replica."""
    limit: float
    """Capacity of one server."""

    @property
    def replicas(self) -> float:
        """The number of replicas that fill one server."""
        return self.limit / self.per_replica if self.per_replica else float("inf")


def requests_per_second(measured: Measured) -> float:
    """Return what a replica on one core answers, without being full."""
    return (BUSY_SHARE - measured.second.engine_cpu) / measured.request.engine_cpu


def parts_of(measured: Measured) -> Sequence[Part]:
    """Return what a busy replica uses of each part, the part that is full first before the others."""
    rate = requests_per_second(measured)

    def of(name: str) -> float:
        return float(rate * getattr(measured.request, name) + getattr(measured.second, name))

    parts = (
        Part("Redis: processor", "cores", of("redis_cpu"), REDIS_CORES),
        Part("Redis: network", "bytes/s", of("redis_bytes"), NETWORK_BYTES_PER_SECOND),
        Part("Postgres: processor", "cores", of("postgres_cpu"), POSTGRES_CORES),
        Part("Postgres: log", "bytes/s", of("wal_bytes"), POSTGRES_WAL_BYTES_PER_SECOND),
        Part("Postgres: network", "bytes/s", of("postgres_bytes"), NETWORK_BYTES_PER_SECOND),
        Part("Postgres: connections", "connections", CONNECTIONS_PER_REPLICA, POSTGRES_CONNECTIONS),
    )
    return sorted(parts, key=lambda part: part.replicas)
