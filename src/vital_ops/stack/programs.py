"""The paths of other makers' programs: Prometheus, Alertmanager and their tools, Redis, PgBouncer."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from vital_shared.errors import ConfigurationError

__all__ = [
    "ALERTMANAGER",
    "AMTOOL",
    "PGBOUNCER",
    "PROMETHEUS",
    "PROMTOOL",
    "REDIS",
    "find_program",
    "find_prometheus_3",
]

PROMETHEUS: Final = ("prometheus",)
PROMTOOL: Final = ("promtool",)
ALERTMANAGER: Final = ("prometheus-alertmanager", "alertmanager")
"""Debian calls it by the first name, its makers by the second."""
AMTOOL: Final = ("amtool",)
REDIS: Final = ("redis-server",)
PGBOUNCER: Final = ("pgbouncer",)

CHECKOUT: Final = Path(__file__).parents[3]
"""The folder of the Makefile, where the package is installed from one."""


def find_program(names: tuple[str, ...], *, checkout: Path = CHECKOUT) -> Path:
    """Find a program on the PATH, or where `make stack` has put it.

    :param names: by which it is known; the first that is found counts.
    :param checkout: the folder that may have a ``.stack``.
    :raises ConfigurationError: when it is nowhere.
    """
    unpacked = [checkout / ".stack" / folder for folder in ("bin", "usr/bin")]
    for path in (None, os.pathsep.join(map(str, unpacked))):
        for name in names:
            if found := shutil.which(name, path=path):
                return Path(found)
    raise ConfigurationError(
        f"{names[0]} is missing: put it on the PATH, or run `make stack` on Debian, which fetches it."
    )


def find_prometheus_3(names: tuple[str, ...], *, checkout: Path = CHECKOUT) -> Path:
    """Find a program of Prometheus 3, by which rules and panels are checked too.

    :param names: by which it is known.
    :param checkout: the folder that may have a ``.stack``.
    :raises ConfigurationError: when it is not there.
    """
    unpacked = checkout / ".stack/prometheus-3/usr/bin"
    if found := shutil.which(names[0], path=str(unpacked)):
        return Path(found)
    raise ConfigurationError(
        f"{names[0]} of Prometheus 3 is missing: run `make .stack/prometheus-3/complete` on Debian, which "
        f"fetches it, or put it into {unpacked}."
    )
