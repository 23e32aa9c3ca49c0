"""Resolve the names of hosts in threads of a pool's own.

The event loop has a few threads for the names of all hosts (uvloop: the four of libuv), and a name server
that does not answer keeps one for half a minute. A tenant that names such hosts would hold up all others.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

__all__ = ["NameResolver"]

THREADS: Final = 4
"""Threads for one service: it has one host, or a few."""

NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class NameResolver(AbstractResolver):
    """A resolver for one pool of connections.

    :param threads: names that are resolved at the same time, at most; a thread is made once it is needed.
    """

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="vital-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a name.

        :raises OSError: when it has no address.
        """
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, _addresses, host, port, family
        )
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=family, proto=protocol, flags=NUMERIC
            )
            for family, protocol, address in found
        ]

    async def close(self) -> None:
        """Wait for no name any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(
    host: str, port: int, family: socket.AddressFamily
) -> list[tuple[socket.AddressFamily, int, str]]:
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [(kind, protocol, _numeric(address)) for kind, _, protocol, _, address in found]


def _numeric(address: tuple[object, ...]) -> str:
    """Return an address as text; a link-local one of IPv6 with the interface that it is of."""
    host, _, *more = address
    scope = more[1] if len(more) > 1 else 0
    return f"{host}%{socket.if_indextoname(scope)}" if isinstance(scope, int) and scope else str(host)
