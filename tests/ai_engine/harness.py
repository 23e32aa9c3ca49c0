"""A service on a real socket, and a client that talks to it over HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import httpx
from httpx_sse import EventSource

from ai_engine.app import create_app
from ai_engine.engine import Engine
from ai_engine.monitoring.monitor import MonitorLoader
from ai_engine.report.reporter import Reporter
from ai_engine.server import Server, listen
from ai_engine.settings import ServerSettings
from vital_shared.llm.base import ModelEvent, ModelRequest, Stop, TextDelta
from vital_shared.models.workflow_names import BUILT_IN
from vital_shared.monitoring.metrics import BACKGROUND_TASK, BACKGROUND_TASK_FAILURES_TOTAL
from vital_shared.store.keys import KeyStore
from vital_shared.workflows.base_workflow import BaseWorkflow
from vital_shared.workflows.services import Services

TLS = httpx.create_ssl_context()
"""The TLS settings of all clients: each would read the certificates for its own, and all use plain HTTP."""

SUM = "Calculate 12.5 % of 3,400"
"""In modes 1 and 3 the calculator waits for approval."""


class SteppedModel:
    """A model that writes a word whenever the test says so."""

    name = "stepped"
    calls_tools = False

    def __init__(self, words: Iterable[str] = ("one", "two", "three")) -> None:
        self.words = tuple(words)
        self.written = 0
        self.asked = asyncio.Event()
        self.closed = asyncio.Event()
        self._steps = asyncio.Semaphore(0)

    def step(self, words: int = 1) -> None:
        for _ in range(words):
            self._steps.release()

    def finish(self) -> None:
        self.step(len(self.words))

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        self.asked.set()
        try:
            for word in self.words:
                await self._steps.acquire()
                self.written += 1
                yield TextDelta(text=f"{word} ")
            yield Stop(reason="end")
        finally:
            self.closed.set()


class TestServer(Server):
    """The server, which says when it has started and stops without polling."""

    __test__ = False

    def __init__(self, app: Any, settings: ServerSettings) -> None:
        super().__init__(app, settings)
        self.ready = asyncio.Event()
        self.stop = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals in the main thread, which alone gets them."""
        is_main = threading.current_thread() is threading.main_thread()
        with super().capture_signals() if is_main else nullcontext():
            yield

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stop.wait()


@dataclass
class Service:
    """A running service."""

    client: httpx.AsyncClient
    engine: Engine
    port: int
    server: TestServer
    stopped: asyncio.Task[None]

    @property
    def services(self) -> Services:
        return self.engine.services

    async def ask(self, query: str = "How long?", *, headers: Any = None, **fields: Any) -> httpx.Response:
        return await self.client.post("/v1/runs", json=asked(query, **fields), headers=headers)

    @asynccontextmanager
    async def stream(
        self, path: str = "/v1/runs", **request: Any
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Follow events; POST where there is a body."""
        method = "POST" if "json" in request else "GET"
        headers = {"Accept": "text/event-stream"} | request.pop("headers", {})
        async with self.client.stream(method, path, headers=headers, **request) as response:
            assert response.status_code == 200, (await response.aread()).decode()
            yield sse(response)

    async def events(self, path: str = "/v1/runs", **request: Any) -> list[dict[str, Any]]:
        """All events of a stream, to its end."""
        async with self.stream(path, **request) as events:
            return [event async for event in events]

    async def key(self, tenant_id: str | None, *scopes: str) -> dict[str, str]:
        """Make a key; gives the header to send."""
        new = await KeyStore(self.services.database).create(
            tenant_id=tenant_id, scopes=scopes, name="", now=self.services.now()
        )
        return {"Authorization": f"Bearer {new.token}"}

    async def stop(self) -> None:
        self.server.stop.set()
        await self.stopped


async def sse(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for event in EventSource(response).aiter_sse():
        data = json.loads(event.data)
        assert (event.id, event.event) == (str(data["seq"]), data["type"])
        yield data


def asked(query: str = "How long?", **fields: Any) -> dict[str, Any]:
    """The body of a question."""
    return {"query": query, "mode": 2, "tenant_id": "acme", "user_id": "ann", "model": "canned"} | fields


@asynccontextmanager
async def serving(
    services: Services,
    *,
    workflow: type[BaseWorkflow] = BaseWorkflow,
    workflows: Mapping[str, type[BaseWorkflow]] | None = None,
    reporter: Reporter | None = None,
    monitor: MonitorLoader | None = None,
    may_fail: str = "",
    **settings: Any,
) -> AsyncIterator[Service]:
    """Serve, and see that no task beside the requests fails, but for the one that may."""
    before = BACKGROUND_TASK_FAILURES_TOTAL.counted_by(BACKGROUND_TASK)
    chosen = ServerSettings(port=0, **{"shutdown_seconds": 0} | settings)
    with listen(chosen) as listener:
        port = listener.getsockname()[1]
        app = create_app(
            services,
            chosen,
            classes=workflows or {BUILT_IN: workflow},
            reporter=reporter,
            monitor=monitor,
        )
        server = TestServer(app, chosen)
        stopped = asyncio.create_task(server.serve([listener]))
        await server.ready.wait()
        try:
            url = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=url, timeout=30, verify=TLS) as client:
                yield Service(client, app.state.engine, port, server, stopped)
        finally:
            server.stop.set()
            await stopped
    after = BACKGROUND_TASK_FAILURES_TOTAL.counted_by(BACKGROUND_TASK)
    assert {name for name, failures in after.items() if failures > before[name]} <= {may_fail}


Serve = Callable[..., Awaitable[Service]]
