"""Ports: whether they are free."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from vital_shared.errors import ConfigurationError

__all__ = ["check_ports", "free_port"]


def check_ports(addresses: Mapping[str, tuple[str, int]]) -> None:
    """See that addresses can be taken.

    :param addresses: host and port, by the program that listens there.
    :raises ConfigurationError: naming all that are taken.
    """
    taken = [f"{port} ({name})" for name, (host, port) in addresses.items() if not _is_free(host, port)]
    if taken:
        raise ConfigurationError(
            f"Other programs use port {', '.join(taken)}: stop them, or choose other ports, as "
            "`vital up --help` says."
        )


def free_port(host: str) -> int:
    """Return a port that nobody uses at the moment."""
    with socket.create_server((host, 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return True
    except OSError:
        return False
