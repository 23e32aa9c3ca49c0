"""Connections to Postgres: directly, or through a pooler such as PgBouncer."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from contextvars import Context
from itertools import chain, repeat
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it declares no types
from sqlalchemy import URL

from vital_shared.store.jitter import pause

__all__ = ["Connect", "connector", "is_pooled"]

DEFAULT_PORT: Final = 5432
CLOSE_SECONDS: Final = 5.0
MIN_CONNECT_SECONDS: Final = 2
"""Shorter timeouts are taken for this, as libpq does."""
HOST_CONNECT_SECONDS: Final = 5.0
"""The wait for one of several hosts, without a ``connect_timeout``: a dead one may not even refuse."""


COMING_BACK_SECONDS: Final = 5.0
"""The wait for a server that restarts, or for a standby to be promoted."""
RECONNECT_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Mean seconds between attempts; the last one goes on."""


Connect = Callable[[], Awaitable[asyncpg.Connection]]
OpenAt = Callable[[object, object], Awaitable[asyncpg.Connection]]
_Place = tuple[object, object]

_TRY_NEXT: Final = (OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched)
"""Errors, timeouts among them, after which another host may take the connection."""

_ARGUMENTS: Final = ("gsslib", "krbsrvname", "passfile", "service", "target_session_attrs")
"""Parameters that the driver takes as arguments."""

_TLS_NAMES: Final = """
    sslcert sslcrl sslkey sslmode sslnegotiation sslpassword sslrootcert
    ssl_max_protocol_version ssl_min_protocol_version
"""
"""Parameters that it takes from an address alone."""

_KEEPALIVE: Final = {
    "keepalives_idle": "TCP_KEEPIDLE",
    "keepalives_interval": "TCP_KEEPINTVL",
    "keepalives_count": "TCP_KEEPCNT",
    "tcp_user_timeout": "TCP_USER_TIMEOUT",
}
"""Options of a socket, by libpq's names; not every system has each."""


class StoreConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg declares no types
    """A connection without codecs for JSON, which the store holds as text.

    To set one up is a query, and two messages that a pooler may send to two servers.
    """

    async def set_type_codec(self, *_: Any, **__: Any) -> None:
        """Do nothing; SQLAlchemy asks for it with each new connection."""


def connector(url: URL, *, statements: int, wait_seconds: float) -> Connect:
    """Return what opens a connection to an address that `parse_postgres` has read.

    :param statements: prepared statements that a connection keeps; 0 behind a pooler, where the unnamed one
        is prepared anew each time.
    :param wait_seconds: time for a statement, and for connecting at most.
    """
    parameters = {name: str(value) for name, value in url.query.items()}
    arguments = _arguments(url, parameters, wait_seconds) | {"statement_cache_size": statements}
    options = _socket_options(parameters)
    hosts, ports = arguments.pop("host"), arguments.pop("port")

    async def open_at(host: object, port: object) -> asyncpg.Connection:
        connecting = asyncpg.connect(host=host, port=port, connection_class=StoreConnection, **arguments)
        # A connection keeps the context that it is opened in, and outlives the run that happens to open it:
        # in the context, all that the run has read and made would live on.
        opening = asyncio.create_task(connecting, context=Context())
        try:
            connection = await opening
        except asyncio.CancelledError:
            _close_what_is_open(opening)
            raise
        _set_options(connection, options)
        return connection

    return _Hosts(hosts, ports, open_at).connect


def _close_what_is_open(opening: asyncio.Task[asyncpg.Connection]) -> None:
    """Close a connection that was open at the moment when the task that waited for it was cancelled."""
    if opening.done() and not opening.cancelled() and opening.exception() is None:
        opening.result().terminate()


class _Hosts:
    """The hosts of an address, of which the one that answered last is tried first.

    The driver has one timeout for all hosts together, and begins with the first each time: after a failover
    each new connection would wait for the dead one.
    """

    def __init__(self, hosts: list[str] | str | None, ports: list[int] | int | None, open_at: OpenAt) -> None:
        several = hosts if isinstance(hosts, list) else [hosts]
        each_port = ports if isinstance(ports, list) else [ports] * len(several)
        self._places: list[_Place] = list(zip(several, each_port, strict=False))
        self._open_at = open_at
        self._has_connected = False

    async def connect(self) -> asyncpg.Connection:
        """Connect to the first host that takes the connection.

        Where there has been one before, a server that is gone may be about to come back: that is waited for
        a moment, each connection in its own rhythm. Raises what the last attempt raised.
        """
        give_up_at = time.monotonic() + COMING_BACK_SECONDS
        for seconds in chain(RECONNECT_PAUSES, repeat(RECONNECT_PAUSES[-1])):
            try:
                return await self._connect_to_any()
            except _TRY_NEXT:
                if not self._has_connected or time.monotonic() > give_up_at:
                    raise
            await pause(seconds)
        raise AssertionError  # the pauses do not end

    async def _connect_to_any(self) -> asyncpg.Connection:
        places = list(self._places)
        for place in places[:-1]:
            with suppress(*_TRY_NEXT):
                return await self._connect_to(place)
        return await self._connect_to(places[-1])

    async def _connect_to(self, place: _Place) -> asyncpg.Connection:
        connection = await self._open_at(*place)
        self._places.sort(key=lambda each: each != place)
        self._has_connected = True
        return connection


async def is_pooled(url: URL, *, wait_seconds: float) -> bool:
    """Return whether a pooler stands before the server, so that each transaction may reach another session.

    The address says so (``pgbouncer=true``, or a cache of statements of size 0), or else the process that
    serves a query is not the one that the connection was given: poolers give out numbers of their own.
    """
    parameters = url.query
    if parameters.get("pgbouncer") or parameters.get("statement_cache_size") == "0":
        return parameters.get("pgbouncer") != "false"
    if parameters.get("prepared_statement_cache_size") == "0":
        return True
    connection = await connector(url, statements=0, wait_seconds=wait_seconds)()
    try:
        async with connection.transaction():
            return bool(await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid())
    finally:
        await connection.close(timeout=CLOSE_SECONDS)


def _arguments(url: URL, parameters: Mapping[str, str], wait_seconds: float) -> dict[str, Any]:
    seconds = int(parameters.get("connect_timeout", "-1"))
    has_several = "," in parameters.get("host", "")
    longest = min(wait_seconds, HOST_CONNECT_SECONDS) if has_several else wait_seconds
    given: dict[str, Any] = {
        "dsn": URL.create("postgresql", query=_tls_parameters(parameters)).render_as_string(),
        "host": url.host or _hosts(parameters),
        "port": url.port or _ports(parameters),
        "user": url.username,
        "password": url.password,
        "database": url.database,
        "ssl": _system_roots(parameters),
        "server_settings": _server_settings(parameters),
        "timeout": max(seconds, MIN_CONNECT_SECONDS) if seconds > 0 else longest,
        # Else a timer for each statement keeps the context of the run that was the last to use it.
        "max_cached_statement_lifetime": 0,
        "command_timeout": int(parameters.get("command_timeout", "0")) or wait_seconds,
    }
    if has_several:  # the store writes: of several hosts it takes the one that is no standby
        given["target_session_attrs"] = "read-write"
    return given | {name: parameters[name] for name in _ARGUMENTS if name in parameters}


def _tls_parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    if _has_system_roots(parameters):
        return {}
    return {name: parameters[name] for name in _TLS_NAMES.split() if name in parameters}


def _hosts(parameters: Mapping[str, str]) -> list[str] | None:
    hosts = parameters.get("host")
    return hosts.split(",") if hosts else None


def _ports(parameters: Mapping[str, str]) -> list[int] | int | None:
    """Return a port for each host, or one for all."""
    ports = [int(port or DEFAULT_PORT) for port in parameters.get("port", "").split(",")]
    return (ports[0] if len(ports) == 1 else ports) if parameters.get("port") else None


def _server_settings(parameters: Mapping[str, str]) -> dict[str, str]:
    name = parameters.get("application_name") or parameters.get("fallback_application_name")
    settings = {"application_name": name, "options": parameters.get("options")}
    return {name: value for name, value in settings.items() if value}


def _has_system_roots(parameters: Mapping[str, str]) -> bool:
    return parameters.get("sslrootcert") == "system"


def _system_roots(parameters: Mapping[str, str]) -> ssl.SSLContext | None:
    """Trust what the system trusts, which the driver cannot be asked for; it implies ``verify-full``."""
    if not _has_system_roots(parameters):
        return None
    context = ssl.create_default_context()
    if certificate := parameters.get("sslcert"):
        context.load_cert_chain(certificate, parameters.get("sslkey"), parameters.get("sslpassword"))
    return context


def _socket_options(parameters: Mapping[str, str]) -> list[tuple[int, int, int]]:
    on = int(parameters.get("keepalives", "1") != "0")
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, on)]
    for name, constant in _KEEPALIVE.items():
        number = getattr(socket, constant, None)
        if number is not None and on and int(parameters.get(name, "0")) > 0:
            options.append((socket.IPPROTO_TCP, number, int(parameters[name])))
    return options


def _set_options(connection: asyncpg.Connection, options: list[tuple[int, int, int]]) -> None:
    transport = connection._transport  # noqa: SLF001 - the driver gives the socket out nowhere else
    own = transport.get_extra_info("socket")
    if own is not None and own.family != socket.AF_UNIX:
        for option in options:
            own.setsockopt(*option)
