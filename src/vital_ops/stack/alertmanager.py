"""Alertmanager: how it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vital_ops.stack.program import Program
from vital_ops.stack.programs import ALERTMANAGER, find_program

__all__ = ["alertmanager"]

RETENTION: Final = "768h"
"""32 days: Alertmanager notifies again of what it has forgotten, whatever the route's repeat interval is."""

MAINTENANCE_INTERVAL: Final = "1m"
"""Between writes of what was notified: what is not on the disk when Alertmanager is killed is notified once
more, or its end is never notified. The default is 15 minutes."""


def alertmanager(folder: Path, address: str, configuration: Path, external_url: str) -> Program:
    """Make the program, with its data and its log in a folder.

    :param external_url: its address in messages.
    :raises ConfigurationError: when it is not on this machine.
    """
    return Program(
        name="Alertmanager",
        command=(
            find_program(ALERTMANAGER),
            f"--config.file={configuration}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--data.retention={RETENTION}",
            f"--data.maintenance-interval={MAINTENANCE_INTERVAL}",
            f"--web.listen-address={address}",
            f"--web.external-url={external_url}",
            "--web.route-prefix=/",  # whatever path the address has
            "--cluster.listen-address=",  # alone: it would listen on all addresses
            "--log.level=warn",
        ),
        ready_url=f"http://{address}/-/ready",
        log=folder / "alertmanager.log",
    )
