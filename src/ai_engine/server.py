"""The server: uvicorn on uvloop, with a stop that does not hang."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final

import uvicorn
import uvloop
from starlette.applications import Starlette
from typing_extensions import override

from ai_engine.app import create_app
from ai_engine.asgi.limited_protocol import LimitedConfig
from ai_engine.asgi.open_files import allow_connections
from ai_engine.auth.loopback_guard import is_loopback
from ai_engine.background.interpreter import shorten_pauses
from ai_engine.engine import Engine
from ai_engine.logs import configure_logs, log_unhandled
from ai_engine.monitoring.monitor import MonitorLoader
from ai_engine.report.reporter import Reporter
from ai_engine.runs.hub import RunHub
from ai_engine.served_classes import ServedClasses, served_classes
from ai_engine.settings import ServerSettings
from ai_engine.supervisor.process import PROGRAM
from ai_engine.supervisor.supervise import supervise
from vital_shared.billing.pricing import TABLE_VERSION
from vital_shared.errors import ConfigurationError
from vital_shared.logs import get_logger
from vital_shared.monitoring.telemetry import exporting
from vital_shared.settings import Settings
from vital_shared.store.database import Database
from vital_shared.store.keys import KeyStore
from vital_shared.workflows.services import Services, check_redis_package

__all__ = ["Server", "StopRequests", "check_host", "listen", "serve"]

logger = get_logger(__name__)

STOP_SECONDS: Final = 5
"""Answers that have not ended by then are cut off."""

CLOSING: Final = (b"connection", b"close")

BACKLOG: Final = 2048


class StopRequests:
    """Requests to stop: after the first, runs may end by themselves for a while; the second does not wait."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()

    def add(self) -> None:
        """Request it, or request it again."""
        (self.second if self.first.is_set() else self.first).set()


class Server(uvicorn.Server):
    """Uvicorn, which lets runs end, and stops the rest, before it waits for the connections that read them.

    In the order of events in Kubernetes: it is not ready, but goes on serving for a while; then it begins no
    more runs, and those that there are end; the rest is ended.

    :param app: made by `create_app`.
    :param settings: hold the limits of connections, and the grace.
    :param on_serving: called once it serves, and a signal stops it in good order.
    """

    def __init__(
        self,
        app: Starlette,
        settings: ServerSettings,
        stops: StopRequests | None = None,
        on_serving: Callable[[], None] = lambda: None,
    ) -> None:
        self.stops = stops or StopRequests()
        self._on_serving = on_serving
        self._app = app
        self._lame_duck_seconds = settings.lame_duck_seconds
        self._grace_seconds = settings.shutdown_seconds
        config = LimitedConfig(
            app,
            settings,
            loop="uvloop",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        super().__init__(config)

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, and return; uvicorn would raise them again, past our own closing."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._on_serving()

    def _on_signal(self, number: int) -> None:
        self.stops.add()
        self.handle_exit(number, None)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let load balancers see it, let the runs end, stop those that do not, then stop."""
        self._leave()
        await self._serve_lame()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace_seconds):
                await self._let_runs_end()
        self._hub.stop()
        await super().shutdown(sockets)

    @property
    def _engine(self) -> Engine:
        engine: Engine = self._app.state.engine
        return engine

    @property
    def _hub(self) -> RunHub:
        return self._engine.hub

    def _leave(self) -> None:
        """Be no longer ready, take on no more work of others, and close each connection after its answer."""
        self._engine.readiness.is_leaving = True
        self._engine.background_work.take_no_more()
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSING]

    async def _serve_lame(self) -> None:
        """Go on as before while load balancers still send requests, or until the second request to stop."""
        if not self._lame_duck_seconds:
            return
        logger.info("leaving", runs=self._hub.active, lame_duck_seconds=self._lame_duck_seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._lame_duck_seconds):
                await self.stops.second.wait()

    async def _let_runs_end(self) -> None:
        """Refuse new runs and uploads, and wait for the others to end, or for the second request to stop."""
        self._engine.readiness.is_leaving = True
        self._hub.drain()
        self._engine.uploads.close()
        logger.info("shutting_down", runs=self._hub.active, grace_seconds=self._grace_seconds)
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(self._work_ended())
            asked_again = tasks.create_task(self.stops.second.wait())
            draining.add_done_callback(lambda _: asked_again.cancel())
            asked_again.add_done_callback(lambda _: draining.cancel())

    async def _work_ended(self) -> None:
        await self._hub.drained()
        await self._engine.uploads.emptied()


def serve(
    settings: ServerSettings | None = None,
    library: Settings | None = None,
    *,
    reporter: Reporter | None = None,
    monitor: MonitorLoader | None = None,
    worker_program: str = PROGRAM,
    on_listening: Callable[[str, int], None] | None = None,
) -> None:
    """Serve until the process is stopped (SIGINT or SIGTERM), then return; logs go to stderr.

    :param settings: the settings of the service; None: from the environment.
    :param library: the settings of workflows and the store; None: from the environment.
    :param reporter: makes reports; None: there are none.
    :param monitor: loads what shows dashboards and alerts; None: there are none.
    :param worker_program: the module that each of several workers runs, with its own reporter and monitor.
    :param on_listening: called with the host and the port once the engine listens there.
    :raises ConfigurationError: when the address is taken, or is not loopback and there are no keys,
        or another setting is wrong.
    :raises StoreError: when the database is not there.
    """
    settings = settings or ServerSettings()
    configure_logs(settings.log_level)
    library = library or Settings()
    check_workers(settings.workers, library)
    classes = served_classes(settings, library)
    allow_connections(settings.max_connections)
    on_listening = on_listening or (lambda _host, _port: None)
    with exporting(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(check_host(settings.host, library, takes_tokens=bool(settings.jwt_issuer)))
        with listen(settings) as listener:
            announce = partial(_announce, listener, classes, on_listening)
            if settings.workers == 1:
                runner.run(_serve(listener, settings, library, classes, reporter, monitor, announce))
            else:
                runner.run(supervise(listener, settings, library, announce, worker_program))


def check_workers(workers: int, library: Settings) -> None:
    """See that several workers can share the logs of their runs.

    :raises ConfigurationError: when they have no Redis, or the package for it is not installed.
    """
    if workers == 1:
        return
    if not library.redis_url.get_secret_value():
        raise ConfigurationError(
            f"{workers} workers need a Redis or Valkey to share the logs of their runs: set VITAL_REDIS_URL "
            "to its address, or VITAL_WORKERS to 1; `vital up` starts a Redis of its own."
        )
    check_redis_package()


async def check_host(host: str, library: Settings, *, takes_tokens: bool = False) -> None:
    """See that nobody but this machine is let in without a key, and say so where this machine is.

    :param takes_tokens: whether tokens of an identity provider are asked for.
    :raises ConfigurationError: when the address is not loopback, and there is no key.
    :raises StoreError: when the database is not there.
    """
    database = Database(library.url, wait_seconds=library.store_seconds)
    try:
        await database.migrate()
        keys = KeyStore(database)
        if await keys.any_active(now=datetime.now(UTC)) or takes_tokens:
            return
        is_closed = await keys.any_made()
    finally:
        await database.aclose()
    if not is_loopback(host):
        raise ConfigurationError(
            f"There are no keys, so the engine does not listen on {host or 'all addresses'}, where others "
            "reach it: make one with `vital keys create`, or set VITAL_HOST to 127.0.0.1."
        )
    if is_closed:
        logger.warning(
            "all_keys_revoked",
            host=host,
            hint="run `vital keys create`, or `vital keys open` to let in everybody on this machine",
        )
        return
    logger.warning(
        "engine_open_without_keys", host=host, hint="everybody on this machine is the administrator"
    )


def listen(settings: ServerSettings) -> socket.socket:
    """Take the address.

    :raises ConfigurationError: when it is taken, or not one of this machine.
    """
    host, port = settings.host, settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} of {host} cannot be taken ({error.strerror}): set VITAL_PORT to a free one, and "
            "VITAL_HOST to an address of this machine."
        ) from error
    # The accepted ones inherit it. asyncio sets it only for sockets that were made with the number of TCP.
    # Without it the body of an answer waits 40 ms, until the client acknowledges the headers.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def _serve(
    listener: socket.socket,
    settings: ServerSettings,
    library: Settings,
    classes: ServedClasses,
    reporter: Reporter | None,
    monitor: MonitorLoader | None,
    announce: Callable[[], None],
) -> None:
    asyncio.get_running_loop().set_exception_handler(log_unhandled)
    services = await Services.open(library)
    shorten_pauses()
    try:
        app = create_app(services, settings, classes=classes, reporter=reporter, monitor=monitor)
        await Server(app, settings, on_serving=announce).serve([listener])
    finally:
        await services.aclose()


def _announce(
    listener: socket.socket, classes: ServedClasses, on_listening: Callable[[str, int], None]
) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    logger.info("listening", url=url, prices=TABLE_VERSION, workflows=list(classes))
    on_listening(host, port)
