"""Names that hang, since their name server does not answer, hold up no connection to another host."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.local_server import local_server

from vital_shared.http.connector import BoundedConnector
from vital_shared.http.name_resolver import NameResolver
from vital_shared.http.public_resolver import PublicResolver

HANGING = "hanging.example"
MANY = 50


class NameServer:
    """A name server that does not answer for one name, until it is let."""

    def __init__(self, resolve: Callable[..., Any]) -> None:
        self._resolve = resolve
        self._waiting = threading.Semaphore(0)
        self._let = threading.Event()

    def answer(self, host: str, *given: Any, **more: Any) -> Any:
        if host == HANGING:
            self._waiting.release()
            self._let.wait(60)
            raise socket.gaierror("no answer")
        return self._resolve(host, *given, **more)

    def wait_for(self, names: int) -> None:
        for _ in range(names):
            assert self._waiting.acquire(timeout=20)

    def let(self) -> None:
        self._let.set()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", server.answer)
    yield server
    server.let()


@contextmanager
def busy_threads() -> Iterator[None]:
    """Fill the threads that the event loop has for names of hosts, and all else."""
    free = threading.Event()
    futures = [asyncio.get_running_loop().run_in_executor(None, free.wait, 60) for _ in range(MANY)]
    try:
        yield
    finally:
        free.set()
        for future in futures:
            future.cancel()


async def test_webhooks_of_a_host_that_hangs_hold_up_nothing_else(names: NameServer):
    webhooks = PublicResolver(frozenset({"localhost"}))
    hanging = [asyncio.create_task(webhooks.resolve(HANGING, 443)) for _ in range(MANY)]
    async with asyncio.timeout(20):
        await asyncio.sleep(0)
        assert await asyncio.to_thread(lambda: "read") == "read"
        assert await webhooks.resolve("localhost", 443)
        assert await NameResolver().resolve("localhost", 443)
        await asyncio.to_thread(names.wait_for, MANY)
    names.let()
    assert all(isinstance(each, OSError) for each in await asyncio.gather(*hanging, return_exceptions=True))


async def test_a_provider_is_reached_while_the_threads_of_the_event_loop_are_busy():
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/", answer)
    async with local_server(app) as url:
        connector = BoundedConnector(limit=1)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.timeout(20):
            with busy_threads():
                async with session.get(url.replace("127.0.0.1", "localhost")) as response:
                    assert await response.text() == "here"


async def test_a_name_gives_the_addresses_that_the_system_knows():
    found = await NameResolver().resolve("127.0.0.1", 80)
    assert [(each["host"], each["port"], each["family"]) for each in found] == [
        ("127.0.0.1", 80, socket.AF_INET)
    ]
    with pytest.raises(OSError, match=r"\S"):
        await NameResolver().resolve("no.such.host.invalid", 80)


async def test_a_resolver_that_is_closed_waits_for_no_name(names: NameServer):
    resolver = NameResolver(threads=1)
    hanging = asyncio.create_task(resolver.resolve(HANGING))
    await asyncio.to_thread(names.wait_for, 1)
    async with asyncio.timeout(20):
        await resolver.close()
    names.let()
    with pytest.raises(OSError, match="no answer"):
        await hanging
