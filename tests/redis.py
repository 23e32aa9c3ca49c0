"""A real Redis, of a test's own."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from vital_ops.stack.ports import free_port
from vital_ops.stack.programs import REDIS, find_program

__all__ = ["RedisServer", "redis_of_module", "running_redis", "shared_redis"]


class RedisServer:
    """A server that can be killed, stopped for a while and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port("127.0.0.1")
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    @property
    def command(self) -> list[str]:
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder))
        return [str(find_program(REDIS)), *options]

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self.command,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(20):
            while not await asyncio.to_thread(self.answers):  # noqa: ASYNC110 - Redis has no event for it
                await asyncio.sleep(0.02)

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def pause(self) -> None:
        """Let it answer nothing, with its connections open."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def running_redis(folder: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(folder)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


@asynccontextmanager
async def shared_redis(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[dict[str, str]]:
    """The environment of an engine, with a Redis of its own where it has several workers and names none."""
    if int(environment.get("VITAL_WORKERS", "1")) == 1 or "VITAL_REDIS_URL" in environment:
        yield dict(environment)
        return
    async with running_redis(folder) as server:
        yield {**environment, "VITAL_REDIS_URL": server.url}


@pytest.fixture(scope="module")
def redis_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server for all tests of a module, whose event loops come and go."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    with subprocess.Popen(server.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        due = time.monotonic() + 20
        while not server.answers():
            assert time.monotonic() < due
            time.sleep(0.02)
        yield server.url
        process.kill()
