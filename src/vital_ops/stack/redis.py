"""Redis: how it is run, for the workers that share the logs of their runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vital_ops.stack.program import Program
from vital_ops.stack.programs import REDIS, find_program

__all__ = ["redis"]

MAX_MEMORY: Final = "256mb"


def redis(folder: Path, address: str) -> Program:
    """Make the program, which keeps nothing on the disk and evicts nothing: see the guide on a lost Redis.

    :param address: ``host:port``.
    :raises ConfigurationError: when it is not on this machine.
    """
    host, _, port = address.rpartition(":")
    return Program(
        name="Redis",
        command=(
            find_program(REDIS),
            *("--bind", host, "--port", port, "--dir", folder, "--save", "", "--appendonly", "no"),
            *("--maxmemory", MAX_MEMORY, "--maxmemory-policy", "noeviction"),
        ),
        ready_url=f"tcp://{address}",
        log=folder / "redis.log",
    )
