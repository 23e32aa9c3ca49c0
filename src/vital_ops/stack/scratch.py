"""An engine, a Prometheus and an Alertmanager that are there for one purpose, and gone after it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vital_ops.stack.own_key import NO_KEY
from vital_ops.stack.ports import free_port
from vital_ops.stack.program import Program
from vital_ops.stack.secret_files import write_secret
from vital_ops.stack.stack import HOST, Stack, local_config, run_stack

__all__ = ["INTERVAL", "Scratch", "scratch", "scratch_environment"]

INTERVAL: Final = "500ms"
"""Interval between scrapes, and between evaluations."""

SETTINGS: Final = {
    "VITAL_HOST": HOST,
    "VITAL_LOG_LEVEL": "error",
    "VITAL_MAX_CONCURRENT_RUNS": "5000",
    "VITAL_GRACE_SECONDS": "0.5",  # a client that stops reading is gone
    "VITAL_TRACING": "0",
}
"""The settings of the engine, which gets nothing else of the real one's."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """A scratch stack: the addresses of its parts, and its folder."""

    engine: str
    prometheus: str
    alertmanager: str
    """Empty where there is none."""
    folder: Path
    """The folder for the files of all parts."""


@asynccontextmanager
async def scratch(
    folder: Path,
    engine_command: Sequence[str | Path],
    rules: Mapping[str, str],
    routing: Callable[[str, Path], str] | None,
    say: Callable[[str], None],
    *,
    prices: str,
    settings: Mapping[str, str],
) -> AsyncIterator[Scratch]:
    """Start all of it in a folder, and stop it in the end.

    :param engine_command: starts the engine; settings are in its environment.
    :param routing: writes Alertmanager's configuration, of the engine's address and a file with its key.
        None: there is no Alertmanager.
    :param prices: the engine's ``vital.toml``.
    :param settings: more variables of the engine's environment.
    :raises ChildFailed: when it does not start.
    """
    (folder / "vital.toml").write_text(prices, encoding="utf-8")
    stack = _stack(folder, engine_command, rules, routing, settings)
    ready = asyncio.Event()
    running = asyncio.create_task(run_stack(stack, ready.set, say))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield Scratch(
            engine=f"http://{stack.engine_address}",
            prometheus=f"http://{HOST}:{stack.prometheus_port}",
            alertmanager="" if routing is None else f"http://{HOST}:{stack.alertmanager_port}",
            folder=folder,
        )
    finally:
        waiting.cancel()
        running.cancel()
        await asyncio.wait({running})


def _stack(
    folder: Path,
    engine_command: Sequence[str | Path],
    rules: Mapping[str, str],
    routing: Callable[[str, Path], str] | None,
    settings: Mapping[str, str],
) -> Stack:
    key_file = write_secret(folder / "engine.key", NO_KEY)
    address = f"{HOST}:{free_port(HOST)}"
    engine = Program(
        name="The engine",
        command=engine_command,
        ready_url=f"http://{address}/readyz",
        environment={**scratch_environment(folder, address), **settings},
        log=folder / "engine.log",
    )
    prometheus_port, alertmanager_port = free_port(HOST), free_port(HOST)
    return Stack(
        folder=folder,
        engine=engine,
        engine_address=address,
        prometheus_port=prometheus_port,
        alertmanager_port=None if routing is None else alertmanager_port,
        config=local_config(address, prometheus_port, alertmanager_port),
        rules=rules,
        routing="" if routing is None else routing(f"http://{address}/v1/alerts", key_file),
        key_file=key_file,
        interval=INTERVAL,
    )


def scratch_environment(folder: Path, address: str) -> dict[str, str]:
    """Keep what the machine needs, such as proxies and paths, and nothing of the real engine."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VITAL_")}
    own = {"VITAL_DATA_DIR": str(folder), "VITAL_PORT": address.rpartition(":")[2]}
    return inherited | SETTINGS | own
