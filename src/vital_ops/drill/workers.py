"""A fault of workers: those of an engine beside the drill's own are killed, as a crash does it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from vital_ops.drill.fault_makers import Site
from vital_ops.stack.ports import free_port
from vital_ops.stack.program import Program, start, stop
from vital_ops.stack.redis import redis
from vital_ops.stack.scratch import scratch_environment
from vital_ops.stack.stack import ENGINES, HOST
from vital_ops.stack.supervise import until_ready

__all__ = ["kill_workers"]

COMMAND: Final = (sys.executable, "-m", "vital_cli", "serve")

WORKER_COUNT: Final = 4
"""Worker processes. All but the last are killed: that one reports the others to Prometheus."""

SEEN_SECONDS: Final = 3.0
"""Some scrapes of the engine before its workers end."""

AGAIN_SECONDS: Final = 15.0
"""The longest window of a drill, in seconds: workers that are there again by then are killed again."""


async def kill_workers(site: Site) -> None:
    """Start an engine of several workers, let Prometheus read it, and kill most of its workers at once."""
    folder, port = site.at.folder / "workers", free_port(HOST)
    folder.mkdir(exist_ok=True)
    redis_address = f"{HOST}:{free_port(HOST)}"
    shared = await start(redis(folder, redis_address))
    engine = _engine(folder, f"{HOST}:{port}", redis_address)
    process = await start(engine)
    target = site.at.folder / ENGINES / "workers.json"
    try:
        await until_ready(engine, process, site.client)
        target.write_text(json.dumps([{"targets": [f"{HOST}:{port}"]}]), encoding="utf-8")
        await asyncio.sleep(SEEN_SECONDS)
        while True:
            for pid in _victims(folder / "engine.log"):
                with suppress(ProcessLookupError):  # it ended before, and the next one is not ready yet
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(AGAIN_SECONDS)
    finally:
        target.unlink(missing_ok=True)
        await asyncio.shield(stop(process))
        await asyncio.shield(stop(shared))


def _engine(folder: Path, address: str, redis_address: str) -> Program:
    own = {"VITAL_WORKERS": str(WORKER_COUNT), "VITAL_LOG_LEVEL": "info"}
    own["VITAL_REDIS_URL"] = f"redis://{redis_address}/0"
    return Program(
        name="The engine whose workers are killed",
        command=COMMAND,
        ready_url=f"http://{address}/readyz",
        environment=scratch_environment(folder, address) | own,
        log=folder / "engine.log",
    )


def _victims(log: Path) -> Iterator[int]:
    """Read from an engine's log which process each worker is, and leave out the last worker."""
    lines = (_parsed(line) for line in log.read_text(encoding="utf-8", errors="replace").splitlines())
    ready = {int(line["worker"]): int(line["pid"]) for line in lines if line.get("event") == "worker_ready"}
    return (pid for worker, pid in ready.items() if worker != WORKER_COUNT)


def _parsed(line: str) -> dict[str, Any]:
    with suppress(ValueError):
        read = json.loads(line)
        if isinstance(read, dict):
            return read
    return {}  # what other programs write
