"""Resolve a name for the connection itself, and connect only to public addresses.

A name that answers otherwise the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import socket
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from vital_shared.http.name_resolver import NameResolver
from vital_shared.http.public_addresses import is_public

__all__ = ["PublicResolver"]

THREADS: Final = 64
"""Names that are resolved at the same time: far more than calls of one tenant, some of which may hang."""


class PublicResolver(AbstractResolver):
    """A resolver that gives public addresses alone, but for hosts that are allowed by name.

    :param allowed: hosts whose addresses may be any, in lower case.
    """

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed
        self._resolver = NameResolver(THREADS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a name.

        :raises OSError: when it has no address that may be called.
        """
        found = await self._resolver.resolve(host, port, family)
        if host.lower() in self._allowed:
            return found
        public = [each for each in found if is_public(each["host"])]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        """Close it."""
        await self._resolver.close()
