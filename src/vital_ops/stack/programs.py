"""The paths of other makers' programs: Prometheus, Alertmanager and their tools, Redis, PgBouncer."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from vital_shared.errors import ConfigurationError
from vital_shared.settings import Settings

__all__ = [
    "ALERTMANAGER",
    "AMTOOL",
    "PGBOUNCER",
    "PROMETHEUS",
    "PROMTOOL",
    "REDIS",
    "fetch_programs",
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


FETCH_SCRIPT: Final = Path(__file__).with_name("fetch.sh")

FETCH_TIMEOUT_SECONDS: Final = 900


def find_program(names: tuple[str, ...], *, checkout: Path = CHECKOUT) -> Path:
    """Find a program on the PATH, or where `make stack` or `vital ops fetch` has put it.

    :param names: by which it is known; the first that is found counts.
    :param checkout: the folder that may have a ``.stack``.
    :raises ConfigurationError: when it is nowhere.
    """
    roots = (checkout / ".stack", _fetched_folder())
    unpacked = [root / folder for root in roots for folder in ("bin", "usr/bin")]
    for path in (None, os.pathsep.join(map(str, unpacked))):
        for name in names:
            if found := shutil.which(name, path=path):
                return Path(found)
    raise ConfigurationError(
        f"{names[0]} is missing: put it on the PATH, or run `vital ops fetch` on Debian, which fetches it."
    )


def fetch_programs() -> Path:
    """Fetch Debian's packages of the programs, and return the folder that they are unpacked into.

    Nothing is installed, and no service starts. The new folder takes the old one's place when it is whole.

    :raises ConfigurationError: when they cannot be fetched.
    """
    folder = _fetched_folder()
    fresh = folder.with_name(f"{folder.name}.new")
    command = ("sh", str(FETCH_SCRIPT), str(fresh))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(  # noqa: S603 - a script of ours
            command, capture_output=True, text=True, check=False, timeout=FETCH_TIMEOUT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"The programs cannot be fetched into {folder}: {error}.") from error
    if done.returncode:
        raise ConfigurationError(
            (done.stderr.strip().splitlines() or ["The programs cannot be fetched."])[-1]
        )
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return folder


def _fetched_folder() -> Path:
    return Settings().data_dir / "programs"


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
