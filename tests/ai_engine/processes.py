"""The service as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from tests.redis import shared_redis
from tests.store_database import store_variables

__all__ = ["VITAL_SERVE", "running_server", "serving_process", "start"]

SERVE = "from ai_engine.server import serve; serve()"

VITAL_SERVE = "import sys; from vital_cli.main import main; sys.argv = ['vital', 'serve']; main()"


async def start(data_dir: Path, program: str = SERVE, **environment: str) -> Process:
    """Start it; its log comes through stderr."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VITAL_")}
    # Most tests ask the same again and want it to run again.
    chosen = store_variables(data_dir) | {"VITAL_PORT": "0", "VITAL_CACHE_ENTRIES": "0"}
    chosen |= {"VITAL_SHUTDOWN_SECONDS": "0"} | environment
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=inherited | chosen, stdout=PIPE, stderr=PIPE
    )


@asynccontextmanager
async def running_server(
    data_dir: Path, program: str = SERVE, **environment: str
) -> AsyncIterator[tuple[Process, httpx.AsyncClient]]:
    """Start it, and stop it in the end, however that comes."""
    async with shared_redis(data_dir, environment) as complete:
        process = await start(data_dir, program, **complete)
        async with serving_process(process) as client:
            yield process, client


@asynccontextmanager
async def serving_process(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    assert process.stderr is not None
    try:
        url, log = "", b""
        while not url:
            line = await process.stderr.readline()
            log += line
            assert line, log.decode()
            url = json.loads(line).get("url", "")
        async with asyncio.TaskGroup() as tasks:
            rest = tasks.create_task(process.stderr.read())  # or else the pipe fills up
            async with httpx.AsyncClient(base_url=url, timeout=60) as client:
                yield client
            if process.returncode is None:
                process.terminate()
            await process.wait()
            await rest
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        transport = process._transport
        transport.close()
