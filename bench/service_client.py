"""A client that costs little: prepared requests over open connections, and when their answers came."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast

CHUNKED_END = b"0\r\n\r\n"


@dataclass
class Answer:
    """The outcome of a request, in seconds since it was sent."""

    status: int
    first: float
    """The time of the first text of the answer; that is, of the first packet with ``mark`` in it."""
    last: float
    body: bytearray = field(default_factory=bytearray)


class Connection(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._done: asyncio.Future[Answer] | None = None
        self._mark = b""
        self._began = self._first = 0.0
        self._seen = bytearray()
        self._length: int | None = None
        self._head = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server has closed the connection"))

    def data_received(self, data: bytes) -> None:
        if not self._first and self._mark in data:
            self._first = time.perf_counter() - self._began
        self._seen += data
        if not self._head:
            self._head = self._seen.find(b"\r\n\r\n") + 4
            if self._head < 4:
                self._head = 0
                return
            self._length = _length(bytes(self._seen[: self._head]).lower())
        if self._length is None:
            over = self._seen.endswith(CHUNKED_END)
        else:
            over = len(self._seen) - self._head >= self._length
        if over and self._done is not None:
            taken = time.perf_counter() - self._began
            answer = Answer(int(self._seen[9:12]), self._first or taken, taken, self._seen[self._head :])
            self._done.set_result(answer)

    async def ask(self, request: bytes, mark: bytes = b"") -> Answer:
        """Send a request, and wait for its whole answer."""
        assert self._transport is not None
        self._done = asyncio.get_running_loop().create_future()
        self._mark, self._first, self._head, self._length = mark, 0.0, 0, None
        self._seen = bytearray()
        self._began = time.perf_counter()
        self._transport.write(request)
        return await self._done

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int | None:
    """Return how long a body is; None where it comes in chunks."""
    _, there, rest = head.partition(b"content-length: ")
    return int(rest.partition(b"\r\n")[0]) if there else None


async def connect(port: int) -> Connection:
    _, protocol = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return protocol


def request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Write a POST."""
    known = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": len(body)}
    lines = known | headers
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body
