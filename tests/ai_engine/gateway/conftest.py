"""An engine in front of a local provider that speaks OpenAI's protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import openai
import pytest
from sqlalchemy import select
from tests.ai_engine.harness import Service, serving
from tests.llm.wires.servers.base import Server, serve

from vital_shared.store.account_tables import ledger
from vital_shared.testing import CannedModel, workflow_services

CONFIGURATION = """
[providers.mine]
wire = "openai"
base_url = "{url}/v1"
key_env = "MINE_KEY"
attempts = 2
[models."mine:m"]
price = {{ input = "10", cached_input = "1", output = "30" }}
[routes.fast]
deployments = {{ "mine:a" = 1, "mine:b" = 0 }}
[models."mine:embedder"]
price = {{ input = "2", output = "0" }}
"""

KEY = "sk-of-the-operator"


@dataclass
class Gateway:
    """An engine, its provider, and the official client of each test."""

    service: Service
    provider: Server
    client: openai.AsyncOpenAI

    @property
    def sent(self) -> dict[str, Any]:
        """The body of the last request to the provider."""
        return self.provider.requests[-1].body

    async def charges(self) -> list[tuple[Any, ...]]:
        """What was charged: tenant, user, name, input, output, nano-dollars, status."""
        columns = (
            ledger.c.tenant_id,
            ledger.c.user_id,
            ledger.c.name,
            ledger.c.input_tokens,
            ledger.c.output_tokens,
            ledger.c.cost_nanos,
            ledger.c.status,
        )
        await self.service.engine.hub.drained()  # a stream ends before its run
        async with self.service.services.database.connect() as connection:
            rows = await connection.execute(select(*columns).order_by(ledger.c.id))
            return [tuple(row) for row in rows]

    async def runs(self) -> list[dict[str, Any]]:
        """The runs that are listed."""
        return (await self.service.client.get("/v1/runs")).json()["runs"]


OpenGateway = Callable[..., AbstractAsyncContextManager[Gateway]]


@pytest.fixture
def gateway(tmp_path, monkeypatch: pytest.MonkeyPatch) -> OpenGateway:
    monkeypatch.setenv("MINE_KEY", KEY)

    @asynccontextmanager
    async def opened(
        *replies: Any, api_key: str = "any", more: str = "", **settings: Any
    ) -> AsyncIterator[Gateway]:
        async with serve(*replies) as provider:
            path = tmp_path / "vital.toml"
            path.write_text(CONFIGURATION.format(url=provider.url) + more)
            given = {"config": path} | settings
            async with (
                workflow_services(tmp_path, models=[CannedModel("Canned.")], **given) as services,
                serving(services) as service,
                openai.AsyncOpenAI(
                    base_url=f"http://127.0.0.1:{service.port}/v1", api_key=api_key, max_retries=0
                ) as client,
            ):
                yield Gateway(service, provider, client)

    return opened
