"""A Redis and a collector of traces, which an engine with everything on needs in `bench/service.py`."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from aiohttp import web

from child_server import child_server
from vital_ops.stack.ports import free_port
from vital_ops.stack.programs import REDIS, find_program

START_SECONDS = 20.0


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Run a Redis that keeps nothing on disk, and give its address."""
    port = free_port("127.0.0.1")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    command = [str(find_program(REDIS)), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    due = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > due:
                raise
            time.sleep(0.02)
        else:
            return


def collector() -> AbstractContextManager[str]:
    """Run a collector that takes all traces and forgets them, and give its address."""
    return child_server(_collect)


async def _take(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(content_type="application/x-protobuf")


def _collect(ready: Connection) -> None:
    async def main() -> None:
        app = web.Application(client_max_size=100_000_000)
        app.router.add_post("/v1/traces", _take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())
