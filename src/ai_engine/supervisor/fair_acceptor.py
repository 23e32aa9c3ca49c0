"""Takes connections from the address that all workers share, so that each worker gets its share.

Left alone, the worker that happens to run takes all that wait. Here a worker takes one at a time, and one
that has more than another leaves it to that one for a moment, but no longer: the other may be busy or frozen.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sized
from typing import Final

from ai_engine.supervisor.load_table import LoadTable, WorkerLoad
from vital_shared.logs import get_logger

__all__ = ["FairAcceptor"]

logger = get_logger(__name__)

PATIENCE_SECONDS: Final = 0.005
"""Seconds that a connection is left to a worker with fewer."""

FAILURE_PAUSE_SECONDS: Final = 1.0
"""After the system has refused to give a connection, such as for want of file descriptors."""


class FairAcceptor:
    """The acceptor of connections for one worker; it is closed as the loop's own server is.

    :param listener: shared by all workers.
    :param make_protocol: serves a connection.
    :param connections: those that are open.
    :param loads: the loads of all workers.
    :param worker: the number of this one.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        connections: Sized,
        loads: LoadTable,
        worker: int,
    ) -> None:
        self._listener = listener
        self._make_protocol = make_protocol
        self._connections = connections
        self._loads = loads
        self._worker = worker
        self.is_closed = False
        self._accepted = max((load.accepted for load in loads.others(worker)), default=0)
        self._connecting: set[asyncio.Task[object]] = set()
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self.note_load()
        self._listen()

    def note_load(self) -> WorkerLoad:
        """Let the others know how many connections this worker has."""
        load = WorkerLoad(len(self._connections) + len(self._connecting), self._accepted)
        self._loads.set(self._worker, load)
        return load

    def close(self) -> None:
        """Take no more connections."""
        if not self.is_closed:
            self._loop.remove_reader(self._listener)
            if self._waiting is not None:
                self._waiting.cancel()
            self._loads.remove(self._worker)
            self.is_closed = True

    async def wait_closed(self) -> None:
        """Return at once: it is closed when `close` returns."""

    def _listen(self) -> None:
        self._loop.add_reader(self._listener, self._on_waiting)

    def _on_waiting(self) -> None:
        load = self.note_load()
        if any(other < load for other in self._loads.others(self._worker)):
            self._loop.remove_reader(self._listener)
            self._waiting = self._loop.call_later(PATIENCE_SECONDS, self._take_over)
        else:
            self._accept()

    def _take_over(self) -> None:
        self._listen()
        self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker has it, or its client has gone
        except OSError:
            logger.exception("connection_not_accepted")
            self._loop.remove_reader(self._listener)
            self._waiting = self._loop.call_later(FAILURE_PAUSE_SECONDS, self._listen)
            return
        connection.setblocking(False)
        self._accepted += 1
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._make_protocol, connection))
        self._connecting.add(task)
        task.add_done_callback(self._connected)
        self.note_load()

    def _connected(self, task: asyncio.Task[object]) -> None:
        self._connecting.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.warning("connection_failed", exc_info=task.exception())
