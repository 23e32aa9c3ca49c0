"""Receivers of webhooks that answer oddly hold nothing up, and are asked again where they have not taken it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from tests.ai_engine.harness import Serve
from tests.ai_engine.test_background_runs import begin
from tests.ai_engine.test_webhooks import ALLOWED, delivery

from ai_engine.webhooks import sender
from vital_shared.testing import counted

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def endless_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        await writer.drain()


async def endless_headers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-more: " + b"y" * 1_000 + b"\r\n")
        await writer.drain()


async def endless_hints(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def hung_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200")


async def other_protocol(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.com ESMTP\r\n")


async def moved(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")


async def switched(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")


async def patient(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 1e300\r\nContent-Length: 0\r\n\r\n")


class OddReceiver:
    """A receiver that answers with bytes of its own."""

    def __init__(self, answer: Answer) -> None:
        self.paths: list[str] = []
        self.closed = asyncio.Event()
        """Set once a connection has ended."""
        self.url = ""
        self._answer = answer

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        self.paths.append((await reader.readline()).split()[1].decode())
        with suppress(OSError):
            await self._answer(reader, writer)
        writer.close()
        self.closed.set()


@asynccontextmanager
async def odd_receiver(answer: Answer) -> AsyncIterator[OddReceiver]:
    receiver = OddReceiver(answer)
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield receiver


async def attempted(service: Any, run_id: str) -> dict[str, Any]:
    """Return the delivery once something has come of its first attempt."""
    async with asyncio.timeout(20):
        while True:
            found = await delivery(service, run_id, "pending", "delivered", "failed")
            if found["last_error"] or found["status"] != "pending":
                return found
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [
        (endless_body, "delivered", "delivered"),
        (endless_headers, "unreachable", "pending"),
        (endless_hints, "timeout", "pending"),
        (silent, "timeout", "pending"),
        (hung_up, "unreachable", "pending"),
        (other_protocol, "unreachable", "pending"),
        (moved, "status", "pending"),
        (switched, "status", "pending"),
        (patient, "status", "pending"),
    ],
)
async def test_an_odd_answer_ends_the_attempt(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, answer: Answer, outcome: str, status: str
):
    monkeypatch.setattr(sender, "TIMEOUT_SECONDS", 1.0)
    async with odd_receiver(answer) as receiver:
        service = await serve(settings=ALLOWED)
        with counted() as growth:
            run_id = await begin(service, headers={"Webhook-Url": receiver.url})
            found = await attempted(service, run_id)
        assert growth("vital_webhook_attempts_total", outcome=outcome) == 1
        assert (found["status"], found["attempts"]) == (status, 1)
        async with asyncio.timeout(10):
            await receiver.closed.wait()
    assert receiver.paths == ["/hook"]
