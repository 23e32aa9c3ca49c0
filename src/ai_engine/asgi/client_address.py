"""A client's address: the peer's, or the one that a trusted proxy names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.types import Scope

from ai_engine.settings import IPNetwork

__all__ = ["client_network"]

FORWARDED_FOR: Final = b"x-forwarded-for"
IPV6_PREFIX_BITS: Final = 64
"""One customer of a provider has at least as many IPv6 addresses as this prefix leaves."""

MAX_HOPS: Final = 32

Address = IPv4Address | IPv6Address


def client_network(scope: Scope, trusted: Sequence[IPNetwork]) -> str:
    """Return the client's IPv4 address or IPv6 network; empty where the peer has none.

    The addresses of X-Forwarded-For are read from the right, as long as a trusted proxy names them: what is
    left of that is the client's own word.

    :param trusted: the proxies.
    """
    client = scope.get("client")
    address = _parse(client[0]) if client else None
    if address is None:
        return ""
    for hop in _hops(scope):
        if not any(address in network for network in trusted):
            break
        named = _parse(hop)
        if named is None:
            break
        address = named
    return _network(address)


def _hops(scope: Scope) -> Iterator[str]:
    values = [value for name, value in scope["headers"] if name == FORWARDED_FOR]
    text = b",".join(values).decode("latin-1")
    yield from reversed(text.rsplit(",", MAX_HOPS)[-MAX_HOPS:])


def _parse(text: str) -> Address | None:
    """Read an address, which may have a port."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _network(address: Address) -> str:
    if address.version == 4:
        return str(address)
    return str(IPv6Network((int(address), IPV6_PREFIX_BITS), strict=False))
