"""The engine as a part of a stack, and how a stack is stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from vital_cli.terminal import say
from vital_ops.stack.notification_settings import NotificationSettings
from vital_ops.stack.program import Program
from vital_ops.stack.stack import HOST, Stack

__all__ = ["announce", "engine_program", "reachable", "run_until_stopped"]


def reachable(host: str, port: int) -> str:
    """Return the address under which this machine reaches what listens on a host."""
    everywhere = {"": HOST, "0.0.0.0": HOST, "::": "::1"}  # noqa: S104 - it is only compared
    name = everywhere.get(host, host)
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def engine_program(
    address: str,
    port: int,
    runbooks: Path,
    redis_address: str | None = None,
    watchers: Mapping[str, str] | None = None,
) -> Program:
    """Make the engine, which shows warnings, alerts among them, in this terminal.

    :param runbooks: the folder of those that it serves.
    :param redis_address: ``host:port`` of the Redis that its workers share; None: that of the environment.
    :param watchers: variables that name the Prometheus and the Alertmanager that its console asks.
    """
    shared = {} if redis_address is None else {"VITAL_REDIS_URL": f"redis://{redis_address}/0"}
    level = os.environ.get("VITAL_LOG_LEVEL", "warning")
    return Program(
        name="The engine",
        command=(sys.executable, "-m", "vital_cli", "serve"),
        ready_url=f"http://{address}/readyz",
        environment={
            **os.environ,
            **shared,
            "VITAL_PORT": str(port),
            "VITAL_LOG_LEVEL": level,
            "VITAL_RUNBOOKS_DIR": str(runbooks),
            **(watchers or {}),
        },
    )


def announce(stack: Stack, notifications: NotificationSettings) -> None:
    """Print the addresses of all parts."""
    engine = f"http://{stack.engine_address}"
    places = ("this terminal", f"{engine}/v1/alerts", *notifications.places.values())
    say(f"The engine    {engine}", "green")
    say(f"Prometheus    http://{HOST}:{stack.prometheus_port}", "green")
    say(f"Alertmanager  http://{HOST}:{stack.alertmanager_port}", "green")
    say(f"Kept in       {stack.folder}")
    say(f"Alerts go to  {', '.join(places)}")
    say("Ctrl-C stops all of it.")


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run until Ctrl-C (SIGINT) or SIGTERM, which is the way to stop and no failure."""

    async def run() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        await asyncio.wait({task})
        if not task.cancelled():
            await task

    asyncio.run(run())
