"""Uploads that an engine which is stopped has begun to receive: they end, or the client learns to send again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tests.ai_engine.harness import Serve, Service

PATH = "/v1/documents?filename=widgets.md"


class Upload:
    """A document whose second half is sent when the test says so."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def parts(self) -> AsyncIterator[bytes]:
        yield b"# Widgets\n\n"
        await self.gate.wait()
        yield b"A widget is class II."


async def until_received(service: Service) -> None:
    """Wait until the engine receives an upload."""
    while not service.engine.uploads.active:  # noqa: ASYNC110 - seen by the engine alone
        await asyncio.sleep(0.01)


async def test_an_upload_that_has_begun_ends_and_no_other_one_begins(serve: Serve):
    service, upload = await serve(settings={"shutdown_seconds": 3_600}), Upload()
    service.server.config.timeout_graceful_shutdown = 1
    sending = asyncio.create_task(service.client.post(PATH, content=upload.parts()))
    await until_received(service)
    stopping = asyncio.create_task(service.stop())
    while not service.engine.hub.stopping:  # noqa: ASYNC110 - seen by its requests alone
        await asyncio.sleep(0.01)
    refused = await service.client.post(PATH, content=b"# Other")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert not stopping.done()
    upload.gate.set()
    assert (await sending).status_code == 201
    await asyncio.wait_for(stopping, 30)


async def test_a_client_that_is_too_slow_for_the_grace_is_asked_to_send_again(serve: Serve):
    service = await serve(settings={"shutdown_seconds": 0})
    service.server.config.timeout_graceful_shutdown = 1
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n# Widgets".encode())
    await until_received(service)
    stopping = asyncio.create_task(service.stop())
    answer = (await reader.read()).decode()
    assert answer.startswith("HTTP/1.1 503 "), answer
    assert "retry-after: 1" in answer.lower()
    assert "The engine is shutting down: try again in a moment." in answer
    writer.close()
    await asyncio.wait_for(stopping, 30)
