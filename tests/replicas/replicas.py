"""Three replicas without sticky sessions: whichever is asked, the answer is the same."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families
from tests.ai_engine.harness import sse
from tests.chaos.stack import Stack, running_stack
from tests.llm.wires.servers import openai
from tests.llm.wires.servers.base import Reply, Request, Server, serve

from vital_shared.store.database import Database
from vital_shared.store.keys import KeyStore

__all__ = ["MODEL", "STREAM", "Replicas", "running_replicas"]

MODEL: Final = "held:m"
STREAM: Final = {"Accept": "text/event-stream"}

CONFIGURATION: Final = """
[providers.held]
wire = "openai"
base_url = "{url}/v1"
key_env = ""
[models."held:m"]
calls_tools = false
price = {{ input = "10", output = "10" }}
"""

_HELD: Final = re.compile(r"held-\w+")


class HeldProvider:
    """A model that holds back the answers to questions with a word such as ``held-1`` until the test says so."""

    def __init__(self) -> None:
        self.server: Server | None = None
        self.gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.asked: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def reply(self, request: Request) -> Reply:
        """Answer one call."""
        held = _HELD.findall(self.prompt(request))
        if not held:
            return openai.stream(openai.TEXT)
        self.asked[held[-1]].set()
        return openai.stream([*openai.TEXT[:3], self.gates[held[-1]], *openai.TEXT[3:]])

    def calls(self, text: str) -> list[Request]:
        """The calls whose prompt holds a text."""
        assert self.server is not None
        return [each for each in self.server.requests if text in self.prompt(each)]

    @staticmethod
    def prompt(request: Request) -> str:
        """The messages of a call, as text."""
        return json.dumps(request.body["messages"], ensure_ascii=False)


@dataclass
class Replicas:
    """Three replicas, a client of each, and their model."""

    stack: Stack
    clients: tuple[httpx.AsyncClient, ...]
    provider: HeldProvider
    token: str
    """The administrator's key."""
    _tenants: list[int] = field(default_factory=list)

    def tenant(self) -> str:
        """A tenant of a test's own."""
        self._tenants.append(1)
        return f"tenant-{len(self._tenants)}"

    def keys(self) -> AbstractAsyncContextManager[KeyStore]:
        """The store of keys, as the command line has it."""
        return _key_store(self.stack)

    async def ask(self, replica: int, query: str, *, headers: Any = None, **fields: Any) -> httpx.Response:
        """Ask a replica, and wait for the answer."""
        return await self.clients[replica].post("/v1/runs", json=asked(query, **fields), headers=headers)

    @asynccontextmanager
    async def events(
        self, replica: int, path: str = "/v1/runs", *, after: int = 0, **request: Any
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Follow events at a replica; POST where there is a body."""
        headers = STREAM | ({"Last-Event-ID": str(after)} if after else {})
        method = "POST" if "json" in request else "GET"
        client = self.clients[replica]
        async with client.stream(method, path, headers=headers, **request) as response:
            assert response.status_code == 200, (await response.aread()).decode()
            yield sse(response)

    async def all_events(self, replica: int, run_id: str, after: int = 0) -> list[dict[str, Any]]:
        """All events of a run after one, at a replica."""
        async with self.events(replica, f"/v1/runs/{run_id}/events", after=after) as events:
            return [event async for event in events]

    async def counted(self, name: str, **labels: str) -> list[float]:
        """The sum of a metric's series with these labels, at each replica."""
        return [
            sum(value for found, value in series.items() if labels.items() <= dict(found).items())
            for series in [await self.series(replica, name) for replica in range(len(self.clients))]
        ]

    async def series(self, replica: int, name: str) -> dict[frozenset[tuple[str, str]], float]:
        """The series of a metric at a replica, by their labels."""
        text = (await self.clients[replica].get("/metrics")).text
        return {
            frozenset(sample.labels.items()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        }


def asked(query: str, **fields: Any) -> dict[str, Any]:
    """The body of a question to the held model, without documents and tools."""
    plain = {"mode": 2, "user_id": "ann", "model": MODEL, "enable_rag": False, "enable_tools": False}
    return {"query": query} | plain | fields


@asynccontextmanager
async def running_replicas(
    folder: Path,
    models: Path,
    settings: Mapping[str, str] = MappingProxyType({}),
    *,
    configuration: str = "",
) -> AsyncIterator[Replicas]:
    """Start them, and stop them in the end.

    :param folder: empty.
    :param models: the folder of the embedded models.
    :param settings: more of them.
    :param configuration: more of `vital.toml`.
    """
    provider = HeldProvider()
    for number in (1, 2, 3):
        (folder / f"replica-{number}").mkdir()
        (folder / f"replica-{number}" / "models").symlink_to(models)
    async with AsyncExitStack() as stack:
        provider.server = await stack.enter_async_context(serve(provider.reply))
        configuration += CONFIGURATION.format(url=provider.server.url)
        own = {"VITAL_SHUTDOWN_SECONDS": "0", "VITAL_WORKFLOW": "", "VITAL_MODEL": ""} | settings
        parts = await stack.enter_async_context(
            running_stack(folder, 0.1, settings=own, configuration=configuration)
        )
        async with _key_store(parts) as keys:
            scopes = ("ask", "costs", "admin")
            new = await keys.create(tenant_id=None, scopes=scopes, name="", now=datetime.now(UTC))
        token = new.token
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=each.url, timeout=60, headers={"Authorization": f"Bearer {token}"})
            )
            for each in parts.replicas
        ]
        yield Replicas(parts, tuple(clients), provider, token)


@asynccontextmanager
async def _key_store(stack: Stack) -> AsyncIterator[KeyStore]:
    database = Database(f"postgresql+asyncpg://postgres@127.0.0.1:{stack.replicas[0].postgres.port}/postgres")
    try:
        yield KeyStore(database)
    finally:
        await database.aclose()
