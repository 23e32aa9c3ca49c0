"""One replica of the engine: a process on a port of its own, which can be killed, frozen and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp
from tests.chaos.proxy_host import FarProxy

from vital_ops.stack.ports import free_port

__all__ = ["Replica"]

SERVE: Final = "from ai_engine.server import serve; serve()"

START_SECONDS: Final = 120.0

ROOT: Final = Path(__file__).parents[2]


class Replica:
    """A replica, and its ways to the servers that all of them share.

    :param name: its folder's name.
    :param folder: of all replicas.
    :param environment: its settings, but for its port and its data folder.
    """

    def __init__(
        self, name: str, folder: Path, environment: Mapping[str, str], *, postgres: FarProxy, redis: FarProxy
    ) -> None:
        self.name = name
        self.port = free_port("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}"
        self.postgres, self.redis = postgres, redis
        self._data = folder / name
        self._log = folder / f"{name}.log"
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process that it is now."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        self._data.mkdir(exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VITAL_")}
        own = {"VITAL_DATA_DIR": str(self._data), "VITAL_PORT": str(self.port)}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                SERVE,
                env=inherited | dict(self._environment) | own,
                stderr=log,
                cwd=ROOT,
            )
        async with asyncio.timeout(START_SECONDS):
            while not await self.is_ready():
                assert self._process.returncode is None, self._log.read_text()[-4_000:]
                await asyncio.sleep(0.1)

    async def is_ready(self) -> bool:
        """Return whether it takes requests."""
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/readyz") as response:
                return response.status == 200
        except (aiohttp.ClientError, ConnectionError):
            return False

    async def kill(self) -> None:
        """Kill it as `kill -9` does."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    def freeze(self) -> None:
        """Let it stand still, with its connections open."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    async def stop(self) -> None:
        """Stop it as an orchestrator does, and kill it where it does not end."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
