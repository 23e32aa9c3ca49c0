"""A process with all proxies: what the clients and the provider do does not slow them down."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import uvloop
from tests.chaos.proxy import Proxy, running_proxy

__all__ = ["FarProxy", "ProxyHost", "proxy_host"]

ROOT: Final = Path(__file__).parents[2]


class FarProxy:
    """A proxy in the other process.

    :param number: in the order in which they were opened.
    """

    def __init__(self, host: ProxyHost, number: int, port: int) -> None:
        self.port = port
        self._host = host
        self._number = number

    async def cut(self) -> None:
        """Let nothing pass any more, either way."""
        await self._host.ask(do="cut", proxy=self._number)

    async def mend(self) -> None:
        """Let everything pass again."""
        await self._host.ask(do="mend", proxy=self._number)

    async def bytes(self) -> int:
        """Return the bytes that have passed, both ways."""
        return await self._host.ask(do="bytes", proxy=self._number)


class ProxyHost:
    """The process.

    :param process: reads and answers lines of JSON.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._opened = 0
        self._turn = asyncio.Lock()

    async def open(self, *, socket: str = "", port: int = 0) -> FarProxy:
        """Open a proxy before a server on this machine.

        :param socket: the path of the server's socket; empty: it listens on a port.
        """
        own_port = await self.ask(do="open", socket=socket, port=port)
        self._opened += 1
        return FarProxy(self, self._opened - 1, own_port)

    async def ask(self, **command: Any) -> int:
        """Send a command, and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._turn:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            await self._process.stdin.drain()
            return int(await self._process.stdout.readline())


@asynccontextmanager
async def proxy_host() -> AsyncIterator[ProxyHost]:
    """Start one, and end it with all its proxies."""
    command = (sys.executable, "-W", "ignore", "-m", "tests.chaos.proxy_host")
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    try:
        yield ProxyHost(process)
    finally:
        process.kill()
        await process.wait()


async def _serve() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    proxies: list[Proxy] = []
    async with AsyncExitStack() as stack:
        while line := await reader.readline():
            answer = await _answer(json.loads(line), proxies, stack)
            print(answer, flush=True)  # noqa: T201 - the answer


async def _answer(command: dict[str, Any], proxies: list[Proxy], stack: AsyncExitStack) -> int:
    match command["do"]:
        case "open":
            proxy = await stack.enter_async_context(running_proxy(lambda: _connect(command)))
            proxies.append(proxy)
            return proxy.port
        case "cut":
            proxies[command["proxy"]].cut()
        case "mend":
            proxies[command["proxy"]].mend()
        case "bytes":
            proxy = proxies[command["proxy"]]
            return proxy.bytes_to_server + proxy.bytes_from_server
    return 0


async def _connect(command: dict[str, Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if command["socket"]:
        return await asyncio.open_unix_connection(command["socket"])
    return await asyncio.open_connection("127.0.0.1", command["port"])


if __name__ == "__main__":
    uvloop.run(_serve())
