"""Serve with several workers: from the settings to the last worker's end."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Callable

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from ai_engine.settings import ServerSettings
from ai_engine.supervisor.load_table import LoadTable
from ai_engine.supervisor.process import PROGRAM, WorkerProcess
from ai_engine.supervisor.supervisor import Supervisor
from vital_shared.settings import Settings
from vital_shared.store.database import Database

__all__ = ["supervise"]


async def supervise(
    listener: socket.socket,
    settings: ServerSettings,
    library: Settings,
    on_ready: Callable[[], None],
    program: str = PROGRAM,
) -> None:
    """Serve with several workers until stopped (SIGINT or SIGTERM; a second one does not wait for runs).

    :param on_ready: called once, when all workers serve.
    :param program: the module that each worker runs.
    :raises ConfigurationError: when the workers cannot start.
    :raises StoreError: when the database is not there.
    """
    await _migrate(library)
    environment = {**_environment(library), **_environment(settings)}
    loads = LoadTable.create(settings.workers)

    async def start(number: int) -> WorkerProcess:
        loads.remove(number)  # of one that died
        return await WorkerProcess.start(
            number,
            listener,
            environment,
            hang_seconds=settings.hang_seconds,
            loads=loads,
            program=program,
        )

    supervisor = Supervisor(
        settings.workers,
        start,
        grace_seconds=settings.lame_duck_seconds + settings.shutdown_seconds,
        keeps_samples=not settings.prometheus_url,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.stop)
    try:
        await supervisor.run(on_ready)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _migrate(library: Settings) -> None:
    database = Database(library.url, wait_seconds=library.store_seconds)
    try:
        await database.migrate()
    finally:
        await database.aclose()


def _environment(settings: BaseSettings) -> dict[str, str]:
    """Write settings down so that a worker reads the same, wherever they came from."""
    values = settings.model_dump(mode="json", include=settings.model_fields_set, exclude_none=True)
    for name in values:
        if isinstance(secret := getattr(settings, name), SecretStr):  # dumped, it would be asterisks
            values[name] = secret.get_secret_value()
    return {_variable(settings, name): _written(value) for name, value in values.items()}


def _written(value: object) -> str:
    """Write a value as a variable has it: several are separated by commas."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def _variable(settings: BaseSettings, name: str) -> str:
    alias = type(settings).model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"VITAL_{name.upper()}"
