"""An engine in front of a provider of any protocol, and the official clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import anthropic
import openai
from google import genai
from google.genai import types
from sqlalchemy import select
from tests.ai_engine.harness import Service, serving
from tests.llm.wires.servers import anthropic as anthropic_server
from tests.llm.wires.servers import gemini as gemini_server
from tests.llm.wires.servers import openai as openai_server
from tests.llm.wires.servers.base import Reply, Server, serve

from vital_shared.store.account_tables import ledger
from vital_shared.testing import CannedModel, workflow_services

ProviderName = Literal["openai", "anthropic", "gemini"]

CONFIGURATION = """
[providers.theirs]
wire = "{wire}"
base_url = "{url}"
key_env = "THEIR_KEY"
attempts = 1
[models."theirs:m"]
price = {{ input = "10", cached_input = "1", output = "30" }}
"""

KEY = "sk-of-the-operator"
MODEL = "theirs:m"
PROTOCOLS: dict[ProviderName, Any] = {
    "openai": openai_server,
    "anthropic": anthropic_server,
    "gemini": gemini_server,
}
PROVIDERS = list(PROTOCOLS)
SAID = openai_server.SAID
MOON = {"thing": "the moon"}
SCHEMA = {"type": "object", "properties": {"thing": {"type": "string"}}}
HELLO: Any = [{"role": "user", "content": "Hello?"}]


@dataclass
class Gateway:
    """An engine, its provider, and the official clients, each of which is made where a test wants it."""

    service: Service
    provider: Server
    _stack: AsyncExitStack

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    @cached_property
    def openai(self) -> openai.AsyncOpenAI:
        client = openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key="any", max_retries=0)
        self._stack.push_async_callback(client.close)
        return client

    @cached_property
    def anthropic(self) -> anthropic.AsyncAnthropic:
        client = anthropic.AsyncAnthropic(base_url=self.url, api_key="any", max_retries=0)
        self._stack.push_async_callback(client.close)
        return client

    @cached_property
    def google(self) -> genai.Client:
        client = genai.Client(api_key="any", http_options=types.HttpOptions(base_url=self.url))
        self._stack.push_async_callback(client.aio.aclose)
        return client

    @property
    def sent(self) -> dict[str, Any]:
        """The body of the last request to the provider."""
        return self.provider.requests[-1].body

    async def tokens(self) -> list[tuple[int, int]]:
        """The tokens that were charged, read and written, once they are: the client does not wait for that."""
        while not (charged := await self._charged()):  # noqa: ASYNC110 - the end of a run is not signalled
            await asyncio.sleep(0.01)
        return charged

    async def _charged(self) -> list[tuple[int, int]]:
        async with self.service.services.database.connect() as connection:
            rows = await connection.execute(select(ledger.c.input_tokens, ledger.c.output_tokens))
            return [(row[0], row[1]) for row in rows]


OpenGateway = Callable[..., AbstractAsyncContextManager[Gateway]]


def opening(data_dir: Path) -> OpenGateway:
    """Return what opens an engine in front of a provider of a protocol."""

    @asynccontextmanager
    async def opened(
        wire: ProviderName, *replies: Any, cache_entries: int = 0, **settings: Any
    ) -> AsyncIterator[Gateway]:
        async with AsyncExitStack() as stack:
            provider = await stack.enter_async_context(serve(*replies))
            path = data_dir / "vital.toml"
            url = provider.url + ("/v1" if wire == "openai" else "")
            path.write_text(CONFIGURATION.format(wire=wire, url=url))
            parts = workflow_services(
                data_dir, models=[CannedModel("Canned.")], config=path, cache_entries=cache_entries
            )
            service = await stack.enter_async_context(
                serving(await stack.enter_async_context(parts), **settings)
            )
            yield Gateway(service, provider, stack)

    return opened


def stream_of(wire: ProviderName, name: str = "TEXT") -> Reply:
    """Return a provider's stream, by its name."""
    protocol = PROTOCOLS[wire]
    return protocol.stream(getattr(protocol, name))


COUNTS: dict[ProviderName, tuple[int, int]] = {
    "openai": (120, 30),
    "anthropic": (120, 40),
    "gemini": (120, 40),
}
"""Tokens that each provider counts, read and written."""

ERRORS: dict[ProviderName, Callable[[int], Reply]] = {
    "openai": lambda status: openai_server.error(status, "It is so."),
    "anthropic": lambda status: anthropic_server.error(status, "a_type", "It is so."),
    "gemini": lambda status: gemini_server.error(status, "A_STATUS", "It is so."),
}
