"""The usage of the parts of a stack so far: processor time, statements, commands and bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from tests.chaos.stack import Stack

from redis import Redis

__all__ = ["Usage", "used"]

STATEMENTS = "SELECT sum(calls) FROM pg_stat_statements WHERE toplevel"
WAL_BYTES = "SELECT wal_bytes FROM pg_stat_wal"
COMMITS = "SELECT sum(xact_commit) FROM pg_stat_database"


@dataclass(frozen=True)
class Usage:
    """Sums since the start, or what lies between two of them; for one request, once divided."""

    engine_cpu: float
    """Processor seconds of all replicas."""
    postgres_cpu: float
    redis_cpu: float
    statements: float
    """Statements of Postgres, with those that begin and end transactions."""
    commits: float
    wal_bytes: float
    """Bytes that Postgres writes to its log."""
    postgres_bytes: float
    """Bytes between the replicas and Postgres, both ways."""
    redis_commands: float
    redis_bytes: float
    """Between the replicas and Redis, both ways."""

    def __sub__(self, other: Usage) -> Usage:
        return Usage(**{name: getattr(self, name) - getattr(other, name) for name in _NAMES})

    def __truediv__(self, divisor: float) -> Usage:
        return Usage(**{name: getattr(self, name) / divisor for name in _NAMES})


_NAMES = tuple(each.name for each in fields(Usage))


async def used(stack: Stack) -> Usage:
    """Read what all parts have used by now."""
    info = await asyncio.to_thread(_redis_info, stack.redis.port)
    statements, commits, wal_bytes = await asyncio.to_thread(_postgres, stack)
    replicas = [replica.pid for replica in stack.replicas]
    return Usage(
        engine_cpu=_cpu(replicas),
        postgres_cpu=_cpu(process.pid for process in stack.postgres.processes()),
        redis_cpu=info["used_cpu_sys"] + info["used_cpu_user"],
        statements=statements,
        commits=commits,
        wal_bytes=wal_bytes,
        postgres_bytes=sum([await replica.postgres.bytes() for replica in stack.replicas]),
        redis_commands=info["total_commands_processed"],
        redis_bytes=info["total_net_input_bytes"] + info["total_net_output_bytes"],
    )


def _redis_info(port: int) -> dict[str, float]:
    with Redis(port=port) as redis:
        found: dict[str, float] = redis.info()
        return found


def _postgres(stack: Stack) -> list[float]:
    answer = stack.postgres.psql(f"SELECT ({STATEMENTS}), ({COMMITS}), ({WAL_BYTES});")
    (line,) = [line for line in answer.splitlines() if line.count("|") == 2]
    return [float(cell) for cell in line.split("|")]


def _cpu(pids: Iterable[int]) -> float:
    """Return the seconds of processor of processes, with all their threads."""
    total = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}").glob("task/*/schedstat"):
            try:
                total += int(thread.read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile
    return total / 1e9
