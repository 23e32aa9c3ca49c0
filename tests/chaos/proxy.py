"""A TCP proxy that counts what passes, and can be cut, as a network can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

__all__ = ["Connect", "Proxy", "running_proxy"]

BYTES_AT_ONCE: Final = 65_536

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""Opens a connection to what the proxy stands before."""


class Proxy:
    """The way from one process to one server.

    :param connect: opens a connection to the server.
    """

    def __init__(self, connect: Connect) -> None:
        self.port = 0
        self.bytes_to_server = 0
        self.bytes_from_server = 0
        self._connect = connect
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Let nothing pass any more, either way; connections stay open, and new ones get no answer."""
        self._is_open.clear()

    def mend(self) -> None:
        """Let everything pass again, as a network does whose packets are sent again."""
        self._is_open.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._is_open.wait()
            with suppress(OSError):  # the server is down: the connection is closed
                await self._join(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await self._connect()
        ways = (
            self._pass(reader, far_writer, to_server=True),
            self._pass(far_reader, writer, to_server=False),
        )
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            far_writer.close()
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_server: bool
    ) -> None:
        while piece := await reader.read(BYTES_AT_ONCE):
            await self._is_open.wait()
            if to_server:
                self.bytes_to_server += len(piece)
            else:
                self.bytes_from_server += len(piece)
            writer.write(piece)
            await writer.drain()

    async def stop(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def running_proxy(connect: Connect) -> AsyncIterator[Proxy]:
    """Serve one on a free port of the loopback address."""
    proxy = Proxy(connect)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
