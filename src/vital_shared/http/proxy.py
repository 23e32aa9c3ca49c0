"""The proxy that the environment names for an address."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

__all__ = ["proxy_for"]


def proxy_for(address: str) -> str | None:
    """Return the proxy for an address, from ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``, or None.

    What runs on this machine is asked directly, whatever the environment says. aiohttp's own `trust_env`
    looks the proxy up in a thread, with each request, and reads keys from ``~/.netrc``: that takes more time
    than all else that a call does here.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    if _is_here(host) or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name
        return False
