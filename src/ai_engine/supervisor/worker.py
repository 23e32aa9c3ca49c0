"""A worker process: it serves, and listens to its supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import structlog
import uvloop
from starlette.applications import Starlette
from typing_extensions import override

from ai_engine.app import create_app
from ai_engine.background.interpreter import shorten_pauses
from ai_engine.engine import Engine
from ai_engine.logs import configure_logs, log_unhandled
from ai_engine.monitoring.monitor import MonitorLoader
from ai_engine.report.reporter import Reporter
from ai_engine.served_classes import served_classes
from ai_engine.server import Server, StopRequests
from ai_engine.settings import ServerSettings
from ai_engine.supervisor.channel import Topic, WorkerChannel
from ai_engine.supervisor.fair_acceptor import FairAcceptor
from ai_engine.supervisor.load_table import LoadTable
from ai_engine.supervisor.scraping import ask_for_samples, ask_supervisor
from vital_shared.errors import VitalError
from vital_shared.monitoring.labels import WORKER_VARIABLE
from vital_shared.monitoring.snapshot import dump, take
from vital_shared.monitoring.telemetry import exporting
from vital_shared.settings import Settings
from vital_shared.workflows.services import Services

__all__ = ["main"]

FIRST_REQUEST_SECONDS: Final = 1.0
"""Seconds that a connection which is new when its worker is replaced has for its first request."""

ORPHAN_SECONDS: Final = 15.0
"""A worker that has lost its supervisor and has not ended by then ends at once."""


class WorkerServer(Server):
    """The server of a worker: on SIGTERM it lets its runs end, for the others go on answering.

    :param app: made by `create_app`.
    :param settings: hold the limits of connections.
    :param channel: to the supervisor.
    :param stop: set when all workers are to stop: then runs are cancelled, as by the server of one process.
    """

    def __init__(
        self,
        app: Starlette,
        settings: ServerSettings,
        channel: WorkerChannel,
        stops: StopRequests,
        loads: LoadTable | None,
    ) -> None:
        super().__init__(app, settings, stops)
        self._channel = channel
        self._loads = loads
        self._acceptor: FairAcceptor | None = None

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM alone: Ctrl-C is for the supervisor."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.handle_exit, signal.SIGTERM, None)
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets if self._loads is None else [])
        if self._loads is not None:
            for listener in sockets or ():
                self._acceptor = self._accept_from(listener, self._loads)
                self.servers.append(self._acceptor)  # type: ignore[arg-type]  # it closes as theirs do
        self._channel.send(Topic.READY)

    def _accept_from(self, listener: socket.socket, loads: LoadTable) -> FairAcceptor:
        config, state = self.config, self.server_state
        protocol: Any = config.http_protocol_class  # uvicorn's own type says nothing of what it is made of
        make = partial(protocol, config=config, server_state=state, app_state=self.lifespan.state)
        return FairAcceptor(listener, make, state.connections, loads, int(os.environ[WORKER_VARIABLE]))

    @override
    async def on_tick(self, counter: int) -> bool:
        """Return whether it is time to stop."""
        if self._acceptor is not None and not self._acceptor.is_closed:
            self._acceptor.note_load()
        return await super().on_tick(counter) or self.stops.first.is_set()

    @override
    def _leave(self) -> None:
        """Stay ready where this worker alone is replaced: its address is."""
        super()._leave()
        self._engine.readiness.is_leaving = self.stops.first.is_set()

    @override
    async def _serve_lame(self) -> None:
        """Go on as before only where all workers stop: otherwise the others take the new requests."""
        if self.stops.first.is_set():
            await super()._serve_lame()

    @override
    async def _let_runs_end(self) -> None:
        """Take no more connections where this worker alone is replaced: the others do."""
        if not self.stops.first.is_set():
            for server in self.servers:
                server.close()
            await self._drained()
        if self.stops.first.is_set():
            await super()._let_runs_end()

    async def _drained(self) -> None:
        hub, connections = self._hub, self.server_state.connections
        loop = asyncio.get_running_loop()
        patient_until = loop.time() + FIRST_REQUEST_SECONDS
        while not self.stops.first.is_set() and (connections or hub.active):  # uvicorn has no event for it
            for connection in list(connections):
                if getattr(connection, "cycle", None) is not None or loop.time() > patient_until:
                    connection.shutdown()  # closes it at once if it is idle, and otherwise after its answer
            await asyncio.sleep(0.05)


def main(reporter: Reporter | None = None, monitor: MonitorLoader | None = None) -> None:
    """Work until stopped; the listener and the channel are named by the arguments.

    :param reporter: makes reports; None: there are none.
    :param monitor: loads what shows dashboards and alerts; None: there are none.
    """
    listener, end = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    loads = LoadTable(int(sys.argv[3])) if sys.argv[3:] else None
    for inherited in (listener, end):
        inherited.set_inheritable(False)
    settings = ServerSettings()
    configure_logs(settings.log_level)
    structlog.contextvars.bind_contextvars(worker=int(os.environ[WORKER_VARIABLE]))
    with exporting(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(listener, end, settings, loads, reporter, monitor))


async def _work(
    listener: socket.socket,
    end: socket.socket,
    settings: ServerSettings,
    loads: LoadTable | None,
    reporter: Reporter | None,
    monitor: MonitorLoader | None,
) -> None:
    asyncio.get_running_loop().set_exception_handler(log_unhandled)
    stops = StopRequests()
    channel = await WorkerChannel.open(end)
    async with asyncio.TaskGroup() as tasks:
        apps: list[Starlette] = []
        tasks.create_task(_listen(channel, stops, apps))
        try:
            await _serve(listener, settings, channel, stops, apps, loads, reporter, monitor)
        except VitalError as error:
            channel.send(Topic.FAILED, str(error).encode())
        channel.send(Topic.SNAPSHOT, await asyncio.to_thread(_snapshot))
        await channel.aclose()


async def _listen(channel: WorkerChannel, stops: StopRequests, apps: list[Starlette]) -> None:
    """Answer the supervisor until it is gone; then nobody needs this worker any more.

    :param apps: the applications that this worker serves, once it does.
    """

    async def handle(topic: Topic, _body: bytes) -> bytes:
        match topic:
            case Topic.STOP:
                stops.add()
            case Topic.SNAPSHOT:
                return await asyncio.to_thread(_snapshot)
            case Topic.PEER_ENDED if apps:
                engine: Engine = apps[0].state.engine
                await engine.sweep.end_lost()
                await engine.services.logs.forget_dead_peers()
        return b""

    await channel.serve(handle)
    stops.add()
    stops.add()
    asyncio.get_running_loop().call_later(ORPHAN_SECONDS, os._exit, 1)


async def _serve(
    listener: socket.socket,
    settings: ServerSettings,
    channel: WorkerChannel,
    stops: StopRequests,
    apps: list[Starlette],
    loads: LoadTable | None,
    reporter: Reporter | None,
    monitor: MonitorLoader | None,
) -> None:
    library = Settings()
    classes = served_classes(settings, library)
    services = await Services.open(library)
    shorten_pauses()
    try:
        app = create_app(
            services,
            settings,
            ask_supervisor(channel),
            classes,
            reporter,
            monitor,
            ask_for_samples(channel),
        )
        apps.append(app)
        await WorkerServer(app, settings, channel, stops, loads).serve([listener])
    finally:
        await services.aclose()


def _snapshot() -> bytes:
    return dump(take())
