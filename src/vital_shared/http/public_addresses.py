"""Addresses that a stranger may make us call: public ones, so that nothing within the network is reached."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

__all__ = ["is_public"]

_PUBLIC_IPV6: Final = IPv6Network("2000::/3")
"""All that is given out of IPv6: the rest leads within a network, or carries an address of IPv4 to another
(https://www.iana.org/assignments/ipv6-address-space)."""

_WITHIN: Final = (
    IPv4Network("168.63.129.16/32"),  # the services of Azure's hosts for their guests
    IPv4Network("192.0.0.0/24"),  # protocols' own (RFC 6890), and the metadata of Oracle's clouds
    IPv4Network("192.88.99.0/24"),  # carries IPv6 (RFC 7526)
    IPv6Network("2002::/16"),  # carries IPv4 (RFC 3056)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)
"""Networks that are not public, and that `ipaddress` calls so, as it does in some versions of Python."""


def is_public(text: str) -> bool:
    """Return whether an IP address is one of the public Internet."""
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif address.teredo is not None or address not in _PUBLIC_IPV6:
            return False
    is_within = any(address in network for network in _WITHIN)
    return address.is_global and not address.is_multicast and not is_within
