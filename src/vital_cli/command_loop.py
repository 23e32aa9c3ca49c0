"""The event loop of a command."""

from __future__ import annotations

import asyncio
import getpass
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from vital_cli.problems import debugging
from vital_shared.monitoring.telemetry import exporting
from vital_shared.store.actor import Actor, acting_as

__all__ = ["command_loop"]


@contextmanager
def command_loop() -> Iterator[asyncio.Runner]:
    """Open a loop whose changes of the store are noted as those of the machine's user."""
    _quiet_logs()
    with (
        exporting(),
        acting_as(Actor("cli", _machine_user())),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        yield runner


def _machine_user() -> str:
    """Return the name of the machine's user; empty where it has none, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError from Python 3.13 on
        return ""


def _quiet_logs() -> None:
    """Send logs to stderr; the commands say themselves what the user has to know."""
    logging.basicConfig(level=logging.INFO if debugging() else logging.CRITICAL)
