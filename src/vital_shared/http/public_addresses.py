"""Addresses that a stranger may make us call: public ones, so that nothing within the network is reached.

A name is resolved for the connection itself, and only addresses that pass are connected to: a name that
answers otherwise the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

__all__ = ["PublicResolver", "is_public"]

_TRANSLATED: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("2002::/16"))
"""Prefixes that carry an IPv4 address to another network (RFC 6052, RFC 8215, RFC 3056)."""


def is_public(text: str) -> bool:
    """Return whether an IP address is one of the public Internet."""
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif address.teredo is not None or any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


class PublicResolver(AbstractResolver):
    """A resolver that gives public addresses alone, but for hosts that are allowed by name.

    :param allowed: hosts whose addresses may be any, in lower case.
    """

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed
        self._resolver = ThreadedResolver()

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
